"""The warm pool: kept full, claimed in no time, replaced when stale, and nobody's."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest_asyncio

from sandbox.loops import warm_pool
from sandbox.runtime.memory import MemoryRuntime
from tests.sandbox import running_service as service
from tests.sandbox.fake_hub import FakeHub
from tests.sandbox.running_service import Around, Running, eventually, person, write_template


@pytest_asyncio.fixture
async def running(around: Around, runtime: MemoryRuntime) -> AsyncIterator[Running]:
    """A service with a pool of three, full."""
    settings = around.with_(warm_pool_size=3)
    async with service.running(settings, lambda _: runtime) as found:
        await full(found, 3)
        yield found


async def full(running: Running, size: int) -> None:
    async def is_full() -> bool:
        return (await running.states()).count("warm") == size

    await eventually(is_full, what=f"{size} warm sandboxes")


async def test_a_claim_starts_nothing_and_is_configured(
    running: Running, runtime: MemoryRuntime, hub: FakeHub
) -> None:
    warm = {str(key) for key in runtime.containers}
    calls = len(runtime.calls)
    answer = await running.api.create(env={"A": "b"}, metadata={"m": "1"}, wait=False)
    assert answer.status_code == 202
    assert answer.json()["status"] == "running"
    sandbox_id = answer.json()["sandboxId"]
    assert sandbox_id in warm
    assert "update" not in runtime.calls[calls:]
    assert [(v.name, v.value) for v in hub.configured[sandbox_id].env] == [("A", "b")]
    assert set(hub.configured) == {sandbox_id}
    await full(running, 3)
    assert len(runtime.containers) == 4


async def test_nothing_of_the_time_before_is_seen(running: Running) -> None:
    answer = await running.api.create(metadata={"m": "1"}, timeoutSeconds=60)
    sandbox_id = answer.json()["sandboxId"]
    events = (await running.api("GET", f"/sandbox/{sandbox_id}/events")).json()["events"]
    assert [(event["type"], event["cause"]) for event in events] == [
        ("started", "claimed"),
        ("created", "claimed"),
    ]
    status = await running.api.status(sandbox_id)
    assert status["createdAt"] >= answer.json()["createdAt"]
    assert status["metadata"] == {"m": "1"}


async def test_other_limits_are_set_by_an_update(running: Running, runtime: MemoryRuntime) -> None:
    sandbox_id = await running.api.created(resources={"memoryMb": 256})
    assert runtime.calls.count("update") == 1
    assert runtime.containers[UUID(sandbox_id)].spec.resources.memory_mb == 256


async def test_what_a_warm_one_cannot_be_is_started(
    running: Running, runtime: MemoryRuntime
) -> None:
    warm = set(runtime.containers)
    for body in ({"network": {"egress": "none"}}, {"resources": {"diskMb": 128}}):
        assert UUID(await running.api.created(**body)) not in warm


async def test_many_at_once_get_one_each(running: Running) -> None:
    answers = await asyncio.gather(*(running.api.as_(person()).create() for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["sandboxId"] for answer in answers}) == 8


async def test_warm_ones_count_against_nobody(running: Running) -> None:
    limits = (await running.api("GET", "/api/limits")).json()
    assert limits["sandboxes"]["user"]["used"] == 0
    assert (await running.api("GET", "/sandbox")).json()["sandboxes"] == []


async def test_a_claim_of_one_whose_agent_is_gone_falls_back_to_a_start(
    running: Running, runtime: MemoryRuntime, hub: FakeHub
) -> None:
    warm = {str(key) for key in runtime.containers}
    hub.lost |= warm
    answer = await running.api.create("key-1")
    assert answer.status_code == 201
    assert answer.json()["sandboxId"] not in warm
    assert (await running.api.create("key-1")).json() == answer.json()

    async def replaced() -> bool:
        return not warm & {str(key) for key in runtime.containers}

    await eventually(replaced, what="warm sandboxes without an agent replaced")


async def test_a_new_image_replaces_them(running: Running, runtime: MemoryRuntime) -> None:
    old = set(runtime.containers)
    runtime.images["insien/default:1"] = "sha256:newer"

    async def replaced() -> bool:
        return len(runtime.containers) == 3 and not old & set(runtime.containers)

    await eventually(replaced)


async def test_a_restart_with_other_settings_replaces_or_drains_them(
    around: Around, runtime: MemoryRuntime
) -> None:
    async with service.running(around.with_(warm_pool_size=2), lambda _: runtime) as found:
        await full(found, 2)
        old = set(runtime.containers)
    other = around.with_(warm_pool_size=1, agent_url="ws://192.0.2.2:3001")
    async with service.running(other, lambda _: runtime) as found:

        async def replaced() -> bool:
            return len(runtime.containers) == 1 and not old & set(runtime.containers)

        await eventually(replaced)
    async with service.running(around.settings, lambda _: runtime):

        async def drained() -> bool:
            return runtime.containers == {}

        await eventually(drained)


async def test_a_smaller_pool_lets_the_surplus_go(around: Around, runtime: MemoryRuntime) -> None:
    write_template(around.templates, "default", "insien/default:1", "warm = 3")
    async with service.running(around.settings, lambda _: runtime) as found:
        await full(found, 3)
    write_template(around.templates, "default", "insien/default:1", "warm = 1")
    async with service.running(around.settings, lambda _: runtime) as found:
        await full(found, 1)


async def test_a_pool_that_cannot_be_filled_is_tried_again(
    around: Around, runtime: MemoryRuntime
) -> None:
    runtime.fail("start", times=2)
    async with service.running(around.with_(warm_pool_size=1), lambda _: runtime) as found:
        await full(found, 1)
        assert runtime.calls.count("start") == 3


async def test_warm_ones_outlive_the_service_and_are_drained_when_told(
    around: Around, runtime: MemoryRuntime
) -> None:
    async with service.running(around.with_(warm_pool_size=2), lambda _: runtime) as found:
        await full(found, 2)
        kept = set(runtime.containers)
    assert set(runtime.containers) == kept
    async with service.parts(around.settings, runtime) as parts:
        assert await warm_pool.drain(parts) == 2
    assert runtime.containers == {}
