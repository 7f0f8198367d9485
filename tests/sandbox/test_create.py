"""Create, over HTTP: what is answered, stored, configured, and undone when it fails."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest

from sandbox.runtime.memory import MemoryRuntime
from tests.sandbox import running_service as service
from tests.sandbox.fake_hub import FakeHub
from tests.sandbox.running_service import JWT_SECRET, Api, Around, Running, eventually, person


async def test_an_empty_body_creates_a_running_sandbox(api: Api, runtime: MemoryRuntime) -> None:
    answer = await api("POST", "/sandbox/create")
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["success"] is True
    assert body["status"] == "running"
    assert body["template"] == "default"
    assert body["connected"] is True
    sandbox_id = body["sandboxId"]
    assert body["clientUrl"] == f"ws://localhost:3000/client/{sandbox_id}"
    assert body["agentUrl"] == f"ws://192.0.2.1:3001/agent/{sandbox_id}"
    created, expires = (datetime.fromisoformat(body[key]) for key in ("createdAt", "expiresAt"))
    assert (expires - created).total_seconds() == 1800
    assert [str(key) for key in runtime.containers] == [sandbox_id]


async def test_what_was_asked_for_is_kept_and_the_agent_is_told(
    running: Running, api: Api, hub: FakeHub, runtime: MemoryRuntime
) -> None:
    answer = await api.create(
        timeoutSeconds=60,
        env={"TOKEN": "s3cret-value"},
        metadata={"team": "a"},
        resources={"cpus": 0.5, "memoryMb": 256},
        tier="gold",
    )
    assert answer.status_code == 201, answer.text
    sandbox_id = answer.json()["sandboxId"]
    assert answer.json()["metadata"] == {"team": "a"}
    status = await api.status(sandbox_id)
    assert status["resources"] == {"cpus": 0.5, "memoryMb": 256, "diskMb": 64}
    told = hub.configured[sandbox_id]
    assert [(v.name, v.value) for v in told.env] == [("TOKEN", "s3cret-value")]
    assert (told.user, told.workdir) == ("user", "/home/user")
    (container,) = runtime.containers.values()
    assert "s3cret-value" not in str(container)
    assert set(container.spec.env) == {
        "INSIEN_SANDBOX_ID", "INSIEN_AGENT_URL", "INSIEN_AGENT_TOKEN",
        "INSIEN_USER", "INSIEN_WORKDIR",
    }  # fmt: skip
    for table in ("sandboxes", "events", "idempotency"):
        rows = await running.database.fetch(f"SELECT row_to_json(t)::text FROM sandbox.{table} t")
        assert "s3cret-value" not in str(rows)


async def test_the_agents_token_opens_only_its_socket(api: Api, runtime: MemoryRuntime) -> None:
    sandbox_id = await api.created()
    (container,) = runtime.containers.values()
    claims = jwt.decode(
        container.spec.env["INSIEN_AGENT_TOKEN"], JWT_SECRET, ["HS256"], audience="ws-hub"
    )
    assert claims["sub"] == sandbox_id
    assert set(claims) == {"sub", "aud", "iat"}


async def test_without_waiting_the_answer_is_pending_and_it_runs_later(
    api: Api, runtime: MemoryRuntime
) -> None:
    release = asyncio.Event()

    async def hold(sandbox_id: UUID | None) -> None:
        await release.wait()

    runtime.before["start"] = hold
    answer = await api.create(wait=False)
    assert answer.status_code == 202
    assert answer.json()["status"] == "pending"
    assert answer.json()["connected"] is False
    sandbox_id = answer.json()["sandboxId"]
    refused = await api("POST", f"/sandbox/{sandbox_id}/expose", json={"containerPort": 80})
    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_state")
    release.set()
    await api.reaches(sandbox_id, "running")


async def test_fifty_creates_at_once_never_pass_a_quota_of_five(
    around: Around, runtime: MemoryRuntime
) -> None:
    settings = around.with_(max_sandboxes_per_user=5)
    async with service.running(settings, lambda _: runtime) as found:
        answers = await asyncio.gather(*(found.api.create() for _ in range(50)))
        codes = sorted(answer.status_code for answer in answers)
        assert codes == [201] * 5 + [429] * 45
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert refused.json()["code"] == "quota_exceeded"
        assert refused.headers["RateLimit-Policy"] == '"sandboxes";q=5'
        assert refused.headers["Retry-After"]
        assert len(runtime.containers) == 5
        await found.api("DELETE", f"/sandbox/{next(iter(runtime.containers))}")
        assert (await found.api.create()).status_code == 201


async def test_quotas_of_key_and_deployment_hold_in_a_race(
    around: Around, runtime: MemoryRuntime
) -> None:
    settings = around.with_(max_sandboxes_per_key=2, max_sandboxes=3)
    async with service.running(settings, lambda _: runtime) as found:
        someone, other = found.api.as_(person()), found.api.as_(person())
        same_user = found.api.as_(replace(someone.caller, key_id=str(uuid4())))
        answers = await asyncio.gather(*(someone.create() for _ in range(6)))
        assert sorted(a.status_code for a in answers) == [201] * 2 + [429] * 4
        assert (await same_user.create()).status_code == 201
        full = await other.create()
        assert (full.status_code, full.json()["code"]) == (503, "capacity")
        assert full.headers["Retry-After"]


async def test_the_same_key_and_body_give_the_first_answer_again(
    api: Api, runtime: MemoryRuntime
) -> None:
    first = await api.create("key-1", metadata={"a": "b"})
    await api("DELETE", f"/sandbox/{first.json()['sandboxId']}")
    again = await api.create("key-1", metadata={"a": "b"})
    assert again.status_code == first.status_code == 201
    assert again.json() == first.json()
    conflict = await api.create("key-1", metadata={"a": "c"})
    assert (conflict.status_code, conflict.json()["code"]) == (409, "idempotency_conflict")
    assert (await api.as_(person()).create("key-1", metadata={"a": "c"})).status_code == 201
    assert runtime.calls.count("start") == 2


async def test_duplicates_in_flight_wait_for_the_first(api: Api, runtime: MemoryRuntime) -> None:
    answers = await asyncio.gather(*(api.create("key-2") for _ in range(10)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["sandboxId"] for answer in answers}) == 1
    assert len(runtime.containers) == 1


async def test_a_failed_create_frees_its_key_and_tells_those_who_wait(
    api: Api, runtime: MemoryRuntime
) -> None:
    runtime.fail("start")
    answers = await asyncio.gather(*(api.create("key-3") for _ in range(3)))
    assert {answer.status_code for answer in answers} <= {201, 503}
    assert 503 in {answer.status_code for answer in answers}
    assert (await api.create("key-3")).status_code == 201
    assert len(runtime.containers) == 1


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_a_key_of_the_wrong_length_is_refused(anyone: Api, key: str) -> None:
    answer = await anyone("POST", "/sandbox/create", headers={"Idempotency-Key": key})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"template": "nope"}, "template"),
        ({"template": 7}, "template"),
        ({"timeoutSeconds": 0}, "timeoutSeconds"),
        ({"timeoutSeconds": 86401}, "timeoutSeconds"),
        ({"timeoutSeconds": "60"}, "timeoutSeconds"),
        ({"timeoutSeconds": True}, "timeoutSeconds"),
        ({"resources": {"cpus": 0.01}}, "resources.cpus"),
        ({"resources": {"cpus": 99}}, "resources.cpus"),
        ({"resources": {"memoryMb": 63}}, "resources.memoryMb"),
        ({"resources": {"memoryMb": 10**6}}, "resources.memoryMb"),
        ({"resources": {"diskMb": 10**6}}, "resources.diskMb"),
        ({"env": {"1A": "x"}}, "env"),
        ({"env": {"INSIEN_AGENT_TOKEN": "x"}}, "env"),
        ({"env": {"A": "x" * 65536}}, "env"),
        ({"env": {"A": 1}}, "env.A"),
        ({"metadata": {"A": "x" * 16385}}, "metadata"),
        ({"network": {"egress": "some"}}, "network.egress"),
        ({"wait": "yes"}, "wait"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
async def test_a_wrong_field_is_named(anyone: Api, body: dict[str, Any], field: str) -> None:
    answer = await anyone.create(**body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] == "validation_failed"
    assert field in [error["field"] for error in answer.json()["errors"]]


async def test_an_image_of_ones_own_must_be_allowed(around: Around, runtime: MemoryRuntime) -> None:
    settings = around.with_(allowed_images=("me/*",))
    runtime.images["me/own:1"] = "sha256:own"
    async with service.running(settings, lambda _: runtime) as found:
        refused = await found.api.create(image="you/own:1")
        assert (refused.status_code, refused.json()["code"]) == (403, "image_not_allowed")
        assert (await found.api.create(image="me/own:1")).status_code == 201
        (container,) = runtime.containers.values()
        assert container.spec.image == "me/own:1"


async def test_an_agent_that_never_connects_leaves_nothing(
    around: Around, runtime: MemoryRuntime, hub: FakeHub
) -> None:
    hub.silent = True
    settings = around.with_(create_timeout_seconds=timedelta(seconds=0.5))
    async with service.running(settings, lambda _: runtime) as found:
        answer = await found.api.create()
        assert (answer.status_code, answer.json()["code"]) == (504, "timeout")
        assert await found.states() == ["failed"]
        assert runtime.containers == {}
        listed = (await found.api("GET", "/sandbox")).json()["sandboxes"]
        assert [one["reason"] for one in listed] == ["agent_timeout"]


async def test_an_agent_that_cannot_be_configured_leaves_nothing(
    running: Running, api: Api, runtime: MemoryRuntime, hub: FakeHub
) -> None:
    hub.deaf = True
    answer = await api.create()
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert await running.states() == ["failed"]
    assert runtime.containers == {}


async def test_a_container_that_ends_before_its_agent_connects_fails_at_once(
    running: Running, api: Api, runtime: MemoryRuntime, hub: FakeHub
) -> None:
    hub.silent = True
    creating = asyncio.ensure_future(api.create())

    async def started() -> bool:
        return len(runtime.containers) == 1

    await eventually(started)
    runtime.stop(next(iter(runtime.containers)))
    answer = await asyncio.wait_for(creating, 10)
    assert answer.status_code == 503
    row = await running.database.fetchrow("SELECT state, reason FROM sandbox.sandboxes")
    assert row is not None
    assert tuple(row) == ("failed", "container_exited")


async def test_a_sandbox_destroyed_while_it_is_made_leaves_nothing(
    api: Api, runtime: MemoryRuntime, hub: FakeHub
) -> None:
    hub.silent = True
    creating = asyncio.ensure_future(api.create())

    async def started() -> bool:
        return len(runtime.containers) == 1

    await eventually(started)
    sandbox_id = next(iter(runtime.containers))
    assert (await api("DELETE", f"/sandbox/{sandbox_id}")).status_code == 200
    hub.silent = False
    assert (await asyncio.wait_for(creating, 10)).status_code in (410, 503)
    assert (await api.status(str(sandbox_id)))["status"] == "destroyed"
    assert runtime.containers == {}


async def test_a_container_that_cannot_be_removed_now_is_removed_later(
    running: Running, api: Api, runtime: MemoryRuntime, hub: FakeHub
) -> None:
    hub.deaf = True
    runtime.fail("remove", times=3)
    assert (await api.create()).status_code == 503

    async def gone() -> bool:
        return runtime.containers == {} and await running.states() == ["failed"]

    await eventually(gone)
