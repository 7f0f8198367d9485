"""Who may do what over HTTP, and how wrong requests are answered."""

import uuid
from typing import Any

import pytest

from kit.caller import Caller
from kit.openapi import describe
from tests.ws_hub.conftest import USER
from tests.ws_hub.replica import SCOPES, Replica, owner
from tests.ws_hub.sandbox_fake import SandboxFake
from tests.ws_hub.scripted_agent import ScriptedAgent
from ws_hub.routes import endpoints

ME = owner(USER)


def test_endpoints_need_nothing_and_describe_themselves() -> None:
    found = describe(endpoints())
    assert "/sandbox/{id}/exec" in found["paths"]
    assert "get" in found["paths"]["/sandbox/{id}/files/archive"]
    assert len(endpoints()) == 19


@pytest.mark.parametrize("endpoint", endpoints(), ids=lambda e: f"{e.method} {e.path}")
async def test_strangers_and_nobody_get_nothing(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent, endpoint: Any
) -> None:
    path = endpoint.path.replace("{id}", sandbox_id).replace("{pid}", "1")
    params = {"path": "/etc/passwd"} if "files" in path else {}
    json = endpoint.example
    method = endpoint.method
    answer = await hub.request(method, path, None, params=params, json=json)
    assert answer.status_code == 401
    stranger = owner(str(uuid.uuid4()))
    answer = await hub.request(method, path, stranger, params=params, json=json)
    assert (answer.status_code, answer.json()["code"]) == (404, "sandbox_not_found")
    if endpoint.body is not None or endpoint.query is not None:
        wrong = {"params": {"bogus": "1"}, "content": b"{"}
        answer = await hub.request(method, path, stranger, **wrong)
        assert (answer.status_code, answer.json()["code"]) == (404, "sandbox_not_found")
    poor = Caller("key", user_id=USER, scopes=SCOPES - {endpoint.scope})
    answer = await hub.request(method, path, poor, params=params, json=json)
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    token = Caller("token", user_id=USER, scopes=SCOPES, sandbox_id=sandbox_id)
    answer = await hub.request(method, path, token, params=params, json=json)
    assert answer.status_code == 403
    assert not any(frame.HasField("open") for frame in agent.seen)


@pytest.mark.parametrize(
    ("state", "status", "code"),
    [
        ("destroyed", 410, "sandbox_destroyed"),
        ("destroying", 410, "sandbox_destroyed"),
        ("failed", 409, "wrong_state"),
        ("pending", 409, "wrong_state"),
        ("paused", 409, "wrong_state"),
        ("warm", 404, "sandbox_not_found"),
    ],
)
async def test_state_decides_the_answer(
    hub: Replica, sandboxes: SandboxFake, state: str, status: int, code: str
) -> None:
    sandbox_id = str(uuid.uuid4())
    sandboxes.add(sandbox_id, USER, state)
    body = {"command": "true"}
    answer = await hub.request("POST", f"/sandbox/{sandbox_id}/exec", ME, json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("sandbox_id", ["nope", str(uuid.uuid4()), "%00", "{" + "1" * 36])
async def test_unknown_sandbox_is_not_found(hub: Replica, sandbox_id: str) -> None:
    answer = await hub.request("GET", f"/sandbox/{sandbox_id}/processes", ME)
    assert (answer.status_code, answer.json()["code"]) == (404, "sandbox_not_found")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "command"),
        ({"command": "a", "timeoutMs": "100"}, "timeoutMs"),
        ({"command": "a", "timeoutMs": True}, "timeoutMs"),
        ({"command": "a", "background": "yes"}, "background"),
        ({"command": "a", "cmd": "b"}, "command"),
        ({"command": "a", "args": ["b"]}, "args"),
        ({"command": ""}, "command"),
        ({"cmd": "a", "args": [1]}, "args.0"),
        ({"command": "a", "env": {"A=B": "c"}}, "env"),
        ({"command": "a", "env": {"A": 1}}, "env.A"),
        ({"command": "a", "stdin": 5}, "stdin"),
        ({"command": "a", "stdin": {"base64": "%%%"}}, "stdin"),
        ({"command": "a", "timeoutMs": -1}, "timeoutMs"),
        ({"command": "a", "timeoutMs": "soon"}, "timeoutMs"),
        ({"command": "a", "processId": "x"}, "processId"),
        ({"command": "a", "background": "maybe"}, "background"),
        ({"command": "a", "tty": True}, "tty"),
        ({"command": "a", "user": ""}, "user"),
    ],
)
async def test_wrong_field_is_named(
    hub: Replica, sandbox_id: str, body: dict[str, Any], field: str
) -> None:
    answer = await hub.request("POST", f"/sandbox/{sandbox_id}/exec", ME, json=body)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("processes/1/output?offset=-1", "offset"),
        ("processes/1/output?offset=1&x=1", "x"),
        ("files", "path"),
        ("files/list?path=/&depth=0", "depth"),
        ("files/stat?path=%00", "path"),
        ("files/watch?path=/&recursive=perhaps", "recursive"),
    ],
)
async def test_wrong_query_is_named(hub: Replica, sandbox_id: str, path: str, field: str) -> None:
    answer = await hub.request("GET", f"/sandbox/{sandbox_id}/{path}", ME)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_signal_without_a_name_is_named(hub: Replica, sandbox_id: str) -> None:
    path = f"/sandbox/{sandbox_id}/processes/1/signal"
    answer = await hub.request("POST", path, ME, json={"signal": "SIGNOPE"})
    assert answer.json()["errors"][0]["field"] == "signal"


async def test_oversize_command_is_refused(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    args = ["x" * 100_000] * 10
    body = {"cmd": "a", "args": args}
    answer = await hub.request("POST", f"/sandbox/{sandbox_id}/exec", ME, json=body)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_sandbox_service_is_asked_once_for_many(
    hub: Replica, sandboxes: SandboxFake, sandbox_id: str, agent: ScriptedAgent
) -> None:
    before = sandboxes.gets
    for _ in range(5):
        await hub.request("GET", f"/sandbox/{sandbox_id}/processes", ME)
    assert sandboxes.gets - before <= 2


async def test_operations_routes_answer(hub: Replica) -> None:
    ready = await hub.client.get("/readyz")
    assert ready.json() == {"status": "ok", "checks": {"redis": "ok"}}
    assert (await hub.client.get("/livez")).status_code == 200
    assert "insien_hub_agents" in (await hub.client.get("/metrics")).text
