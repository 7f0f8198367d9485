"""Commands over HTTP, from the caller's side."""

import pytest

from tests.ws_hub.conftest import USER
from tests.ws_hub.replica import Replica, owner
from tests.ws_hub.scripted_agent import Process, ScriptedAgent

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
