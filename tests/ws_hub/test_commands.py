"""Commands over HTTP, from the caller's side."""

import asyncio

import pytest

from tests.ws_hub.conftest import USER
from tests.ws_hub.replica import Replica, owner
from tests.ws_hub.scripted_agent import Process, ScriptedAgent, StreamEnd
from tests.ws_hub.waiting import eventually

ME = owner(USER)


@pytest.mark.parametrize("body", [{"command": "echo hi"}, {"cmd": "echo", "args": ["hi"]}])
async def test_command_answers_with_output_and_exit_code(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent, body: dict[str, object]
) -> None:
    answer = await hub.request("POST", f"/sandbox/{sandbox_id}/exec", ME, json=body)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found.pop("processId") in agent.processes
    assert found == {
        "success": True,
        "pid": 100,
        "exitCode": 0,
        "signal": None,
        "stdout": "hi\n",
        "stderr": "",
        "durationMs": 5,
        "timedOut": False,
        "truncated": False,
    }


async def test_output_that_is_not_utf8_comes_as_base64(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    async def binary(_: ScriptedAgent, process: Process) -> None:
        process.write(b"\xff\x00")
        process.write(b"fine", channel=2)
        process.end(3)

    agent.scripts["binary"] = binary
    path = f"/sandbox/{sandbox_id}/exec"
    found = (await hub.request("POST", path, ME, json={"command": "binary"})).json()
    assert (found["stdout"], found["stdoutBase64"]) == (None, "/wA=")
    assert (found["stderr"], found["exitCode"]) == ("fine", 3)


async def test_output_beyond_the_limit_is_left_out_and_said(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    async def flood(agent: ScriptedAgent, process: Process) -> None:
        for _ in range(40):
            process.write("ä".encode() * 131_072)
        process.end()

    agent.scripts["flood"] = flood
    path = f"/sandbox/{sandbox_id}/exec"
    found = (await hub.request("POST", path, ME, json={"command": "flood"})).json()
    assert found["truncated"] is True
    assert len(found["stdout"].encode()) == 8 * 2**20
    assert found["exitCode"] == 0


async def test_input_given_with_the_command_is_ended(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    path = f"/sandbox/{sandbox_id}/exec"
    body = {"command": "cat", "stdin": {"base64": "aGVsbG8="}}
    assert (await hub.request("POST", path, ME, json=body)).json()["stdout"] == "hello"


async def test_background_process_is_fed_read_and_ended(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    base = f"/sandbox/{sandbox_id}"
    body = {"command": "cat", "background": True}
    started = (await hub.request("POST", f"{base}/exec", ME, json=body)).json()
    assert started["exitCode"] is None
    process = f"{base}/processes/{started['processId']}"
    listed = (await hub.request("GET", f"{base}/processes", ME)).json()["processes"]
    assert [item["running"] for item in listed] == [True]
    for content, close in ((b"one ", "false"), (b"two", "true")):
        answer = await hub.request(
            "POST", f"{process}/stdin", ME, content=content, params={"close": close}
        )
        assert answer.json()["success"] is True, answer.text
    await eventually(lambda: agent.processes[started["processId"]].exit)
    found = (await hub.request("GET", f"{process}/output?offset=4", ME)).json()
    assert found["chunks"] == [{"stream": "stdout", "offset": 4, "data": "dHdv"}]
    assert (found["nextOffset"], found["running"], found["exitCode"]) == (7, False, 0)
    looked = (await hub.request("GET", f"{base}/processes/{started['pid']}", ME)).json()
    assert (looked["process"]["running"], looked["process"]["exitCode"]) == (False, 0)
    assert looked["process"]["startedAt"].endswith("Z")


@pytest.mark.parametrize(
    ("method", "path", "signal"),
    [("POST", "/signal", "SIGTERM"), ("DELETE", "", "SIGKILL")],
)
async def test_signals_end_a_process(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent, method: str, path: str, signal: str
) -> None:
    base = f"/sandbox/{sandbox_id}"
    body = {"command": "sleep", "background": True}
    started = (await hub.request("POST", f"{base}/exec", ME, json=body)).json()
    process = f"{base}/processes/{started['processId']}"
    sent = {"signal": signal} if path else None
    answer = await hub.request(method, f"{process}{path}", ME, json=sent)
    assert answer.json() == {"success": True, "processId": started["processId"]}
    looked = (await hub.request("GET", process, ME)).json()["process"]
    assert looked["signal"] == signal


@pytest.mark.parametrize("path", ["", "/output", "/output?follow=true"])
async def test_unknown_process_is_not_found(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent, path: str
) -> None:
    answer = await hub.request("GET", f"/sandbox/{sandbox_id}/processes/77{path}", ME)
    assert (answer.status_code, answer.json()["code"]) == (404, "process_not_found")


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("permission_denied", 403),
        ("disk_full", 507),
        ("too_many", 503),
        ("internal", 503),
        ("made-up", 503),
        ("cancelled", 503),
        ("timeout", 504),
        ("invalid_argument", 400),
        ("unsupported", 400),
    ],
)
async def test_refusals_of_the_agent_become_problems(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent, code: str, status: int
) -> None:
    async def refuse(_: ScriptedAgent, stream: StreamEnd) -> None:
        await stream.end(code, "no", field="cwd")

    agent.handlers["exec"] = refuse
    body = {"command": "x"}
    answer = await hub.request("POST", f"/sandbox/{sandbox_id}/exec", ME, json=body)
    assert answer.status_code == status
    if status == 400:
        assert answer.json()["errors"] == [{"field": "cwd", "message": "no"}]


async def test_agent_that_never_answers_is_a_timeout(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    async def ponder(_: ScriptedAgent, stream: StreamEnd) -> None:
        await asyncio.Event().wait()

    agent.handlers["list_processes"] = ponder
    answer = await hub.request("GET", f"/sandbox/{sandbox_id}/processes", ME)
    assert (answer.status_code, answer.json()["code"]) == (504, "timeout")


async def test_streamed_command_without_input_finds_its_end_at_once(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    path = f"/sandbox/{sandbox_id}/exec"
    headers = {"Accept": "text/event-stream"}
    body = {"command": "cat"}
    answer = await hub.request("POST", path, ME, json=body, headers=headers)
    assert '"exitCode": 0' in answer.text
    assert [process.stdin_closed for process in agent.processes.values()] == [True]


async def test_process_is_found_by_its_id_in_any_case(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    path = f"/sandbox/{sandbox_id}"
    started = await hub.request("POST", f"{path}/exec", ME, json={"command": "echo hi"})
    ident = started.json()["processId"]
    found = await hub.request("GET", f"{path}/processes/{ident.upper()}", ME)
    assert found.json()["process"]["processId"] == ident
