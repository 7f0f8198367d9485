"""Sandboxes: made, listed, prolonged, ended."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from infra.demo.story import sandboxes_of_containers
from insien import Client, Gone, Sandbox, Status
from tests.e2e.waiting import eventually


def test_an_empty_request_makes_a_default_sandbox(api: httpx.Client, client: Client) -> None:
    answer = api.post("/sandbox/create")
    assert answer.status_code == 201, answer.text
    body = answer.json()
    sandbox = client.get(body["sandboxId"])
    assert (body["success"], body["status"], body["connected"]) == (True, "running", True)
    assert body["template"] == "default"
    assert body["clientUrl"].endswith(f"/client/{sandbox.id}")
    assert sandbox.run("whoami; pwd").stdout == "user\n/home/user\n"
    sandbox.destroy()


def test_the_origins_tier_is_taken_and_has_no_effect(api: httpx.Client, client: Client) -> None:
    answer = api.post("/sandbox/create", json={"tier": "enterprise", "template": "minimal"})
    assert answer.status_code == 201, answer.text
    client.get(answer.json()["sandboxId"]).destroy()


def test_what_was_asked_is_what_runs(client: Client) -> None:
    with client.create(
        env={"GREETING": "hi there"},
        metadata={"purpose": "test"},
        timeout_seconds=100,
        resources={"memoryMb": 256, "cpus": 0.5},
    ) as sandbox:
        assert sandbox.run("echo $GREETING").stdout == "hi there\n"
        status = sandbox.status()
        assert status.metadata == {"purpose": "test"}
        assert status.resources["memoryMb"] == 256
        assert status.expires_at is not None
        left = status.expires_at - datetime.now(UTC)
        assert timedelta(seconds=30) < left <= timedelta(seconds=101)
        assert [one.id for one in client.list(metadata={"purpose": "test"})] == [sandbox.id]
        assert sandbox.metrics().memory_limit_bytes == 256 * 2**20
        later = sandbox.extend(3000).expires_at
        assert later is not None
        assert later > status.expires_at


def test_one_idempotency_key_makes_one_sandbox(api: httpx.Client, client: Client) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    once = {"once": headers["Idempotency-Key"]}
    body = {"template": "minimal", "metadata": once}
    with ThreadPoolExecutor(3) as pool:
        asked = [
            pool.submit(api.post, "/sandbox/create", json=body, headers=headers) for _ in range(3)
        ]
        answers = [future.result() for future in asked]
    assert {answer.status_code for answer in answers} == {201}
    (sandbox_id,) = {answer.json()["sandboxId"] for answer in answers}
    assert [one.id for one in client.list(metadata=once)] == [sandbox_id]
    other = api.post("/sandbox/create", json={"template": "default"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    client.get(sandbox_id).destroy()


def test_not_waiting_gives_a_sandbox_that_comes_up(api: httpx.Client, client: Client) -> None:
    answer = api.post("/sandbox/create", json={"template": "minimal", "wait": False})
    assert answer.status_code in {201, 202}
    assert answer.json()["status"] in {"pending", "running"}
    sandbox = client.get(answer.json()["sandboxId"])
    eventually(lambda: sandbox.status().connected, seconds=60)
    assert sandbox.run("echo up").stdout == "up\n"
    sandbox.destroy()


def test_destroying_leaves_no_container_and_twice_is_once(
    api: httpx.Client, client: Client
) -> None:
    sandbox = client.create("minimal")
    assert sandbox.id in sandboxes_of_containers()
    sandbox.destroy()
    eventually(lambda: sandbox.id not in sandboxes_of_containers())
    sandbox.destroy()
    assert api.delete(f"/sandbox/{sandbox.id}").status_code == 200
    status = eventually(lambda: _destroyed(sandbox))
    assert status is not None
    assert status.destroyed_at is not None
    with pytest.raises(Gone):
        sandbox.run("true")


def _destroyed(sandbox: Sandbox) -> Status | None:
    status = sandbox.status()
    return status if status.status == "destroyed" else None


def test_a_sandbox_ends_when_its_time_is_over(client: Client) -> None:
    sandbox = client.create("minimal", timeout_seconds=1)
    eventually(lambda: sandbox.status().status == "destroyed", seconds=40)
    eventually(lambda: sandbox.id not in sandboxes_of_containers())


def test_its_life_is_written_down(client: Client) -> None:
    with client.create("minimal") as sandbox:
        sandbox.pause()
        sandbox.resume()
    types = [event.type for event in sandbox.events()]
    assert len(types) >= 4
    assert any("pause" in name for name in types)
    assert any("destroy" in name for name in types)


def test_without_egress_there_is_no_way_out(client: Client) -> None:
    with client.create("minimal", network={"egress": "none"}) as sandbox:
        result = sandbox.run("wget -T 3 -qO- http://1.1.1.1/ >/dev/null")
        assert result.exit_code != 0
        assert sandbox.run("echo still connected").stdout == "still connected\n"


def test_limits_tell_what_is_used(client: Client, box: Sandbox) -> None:
    assert client.limits()["sandboxes"]
    assert {"default", "minimal"} <= {template.name for template in client.templates()}
