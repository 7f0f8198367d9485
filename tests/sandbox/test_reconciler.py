"""The reconciler: table and runtime agree again after everything that can go wrong."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from sandbox.loops import leader
from sandbox.models import ContainerSpec, Resources
from sandbox.runtime.memory import MemoryRuntime
from tests.sandbox import running_service as service
from tests.sandbox.fake_hub import FakeHub
from tests.sandbox.running_service import Api, Around, Running, eventually
from tests.support.servers import free_port

LIMITS = Resources(1.0, 128, 64, 64)


def stray(runtime: MemoryRuntime, age_seconds: float, sandbox_id: UUID | None = None) -> UUID:
    found = ContainerSpec(sandbox_id or uuid4(), "insien/default:1", "", LIMITS, "full", {})
    runtime.put(found, age_seconds)
    return found.sandbox_id


async def test_an_expired_sandbox_is_destroyed(
    api: Api, runtime: MemoryRuntime, hub: FakeHub
) -> None:
    sandbox_id = await api.created(timeoutSeconds=1)
    status = await api.reaches(sandbox_id, "destroyed")
    assert status["reason"] == "expired"
    assert runtime.containers == {}

    async def told() -> bool:
        return hub.disconnected == {sandbox_id: "expired"}

    await eventually(told)


async def test_expiry_runs_on_while_paused(api: Api) -> None:
    sandbox_id = await api.created(timeoutSeconds=2)
    await api("POST", f"/sandbox/{sandbox_id}/pause")
    assert (await api.reaches(sandbox_id, "destroyed"))["reason"] == "expired"


async def test_an_idle_sandbox_is_destroyed_when_the_settings_say_so(
    around: Around, runtime: MemoryRuntime
) -> None:
    settings = around.with_(sandbox_idle_timeout_seconds=timedelta(seconds=1))
    async with service.running(settings, lambda _: runtime) as found:
        sandbox_id = await found.api.created()
        assert (await found.api.reaches(sandbox_id, "destroyed"))["reason"] == "idle"


@pytest.mark.parametrize(("oom", "reason"), [(True, "oom_killed"), (False, "container_exited")])
async def test_a_container_that_ended_fails_its_sandbox(
    api: Api, runtime: MemoryRuntime, oom: bool, reason: str
) -> None:
    sandbox_id = await api.created()
    runtime.stop(UUID(sandbox_id), 137, oom_killed=oom)
    status = await api.reaches(sandbox_id, "failed", 10)
    assert status["reason"] == reason
    assert status["container"] == {
        "running": False, "status": "exited", "exitCode": 137, "oomKilled": oom,
    }  # fmt: skip

    async def gone() -> bool:
        return runtime.containers == {}

    await eventually(gone)


async def test_containers_of_ended_sandboxes_are_removed(api: Api, runtime: MemoryRuntime) -> None:
    sandbox_id = await api.created()
    await api("DELETE", f"/sandbox/{sandbox_id}")
    stray(runtime, 0, UUID(sandbox_id))

    async def gone() -> bool:
        return runtime.containers == {}

    await eventually(gone)


async def test_a_thousand_strays_are_removed_after_the_grace_time_and_no_sooner(
    running: Running, runtime: MemoryRuntime
) -> None:
    kept = await running.api.created()
    young = stray(runtime, 1)
    for _ in range(1000):
        stray(runtime, 21)

    async def gone() -> bool:
        return set(runtime.containers) == {UUID(kept), young}

    await eventually(gone, 30)


async def test_a_sandbox_past_its_disk_limit_fails(api: Api, runtime: MemoryRuntime) -> None:
    within, past = await api.created(), await api.created()
    runtime.fill(UUID(within), 64 * 1024 * 1024)
    runtime.fill(UUID(past), 64 * 1024 * 1024 + 1)
    assert (await api.reaches(past, "failed"))["reason"] == "disk_limit"
    assert (await api.status(within))["status"] == "running"
    assert set(runtime.containers) == {UUID(within)}


async def test_an_abandoned_create_is_failed_and_its_key_is_free(
    running: Running, runtime: MemoryRuntime
) -> None:
    sandbox_id = UUID((await running.api.create("key-9")).json()["sandboxId"])
    stray(runtime, 0, sandbox_id)
    await running.database.execute(
        "UPDATE sandbox.sandboxes SET state = 'pending', lease_until = now()"
    )
    status = await running.api.reaches(str(sandbox_id), "failed")
    assert status["reason"] == "interrupted"

    async def gone() -> bool:
        return runtime.containers == {}

    await eventually(gone)
    assert await running.database.fetchval("SELECT count(*) FROM sandbox.idempotency") == 0


async def test_an_abandoned_destroy_is_finished(running: Running, runtime: MemoryRuntime) -> None:
    runtime.fail("remove", times=2)
    sandbox_id = await running.api.created()
    answer = await running.api("DELETE", f"/sandbox/{sandbox_id}")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    await running.database.execute("UPDATE sandbox.sandboxes SET lease_until = now()")
    status = await running.api.reaches(sandbox_id, "destroyed")
    assert status["reason"] == "requested"
    assert runtime.containers == {}


async def test_a_runtime_that_is_down_fails_nobody(
    running: Running, runtime: MemoryRuntime
) -> None:
    sandbox_id = await running.api.created()
    before = len(runtime.calls)
    runtime.fail("list_containers", times=3)

    async def looked() -> bool:
        return runtime.calls[before:].count("list_containers") >= 5

    await eventually(looked)
    assert (await running.api.status(sandbox_id))["status"] == "running"


# Other services of this test run lead in databases of their own on the same server.
HELD = (
    "FROM pg_locks JOIN pg_database ON pg_database.oid = database"
    " WHERE locktype = 'advisory' AND datname = current_database()"
)


async def test_two_replicas_share_the_work_and_one_leads(
    around: Around, runtime: MemoryRuntime
) -> None:
    async with service.running(around.settings, lambda _: runtime) as one:
        other_settings = around.with_(grpc_port=free_port())
        async with service.running(other_settings, lambda _: runtime) as other:
            sandbox_id = await one.api.created(timeoutSeconds=1)
            watcher = other.api.as_(one.api.caller)
            await watcher.reaches(sandbox_id, "destroyed")
            leaders = await one.database.fetchval(
                f"SELECT count(*) {HELD} AND granted"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                " AND (classid::bigint << 32) + objid::bigint = $1",
                leader.LOCK,
            )
            assert leaders == 1
            # The lead passes on when the leader's connection is cut.
            await one.database.execute(f"SELECT pg_terminate_backend(pid) {HELD}")
            second = await watcher.created(timeoutSeconds=1)
            await watcher.reaches(second, "destroyed")


async def test_old_rows_and_keys_are_let_go(around: Around, runtime: MemoryRuntime) -> None:
    async with service.running(around.settings, lambda _: runtime) as found:
        ended, alive = [(await found.api.create(key)).json()["sandboxId"] for key in ("a", "b")]
        await found.api("DELETE", f"/sandbox/{ended}")
        await found.database.execute(
            "UPDATE sandbox.sandboxes SET destroyed_at = now() - interval '31 days' "
            "WHERE state = 'destroyed'"
        )
        await found.database.execute(
            "UPDATE sandbox.idempotency SET created_at = now() - interval '25 hours'"
        )
    async with service.running(around.settings, lambda _: runtime) as found:

        async def purged() -> bool:
            rows = await found.database.fetch("SELECT id FROM sandbox.sandboxes")
            keys = await found.database.fetchval("SELECT count(*) FROM sandbox.idempotency")
            return [str(row["id"]) for row in rows] == [alive] and keys == 0

        await eventually(purged)
