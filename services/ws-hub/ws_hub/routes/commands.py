"""`/sandbox/{id}/exec` and `/sandbox/{id}/processes…`."""

from typing import cast

from starlette.responses import Response

from kit.endpoint import Call, Endpoint
from wire.agent.v1.agent_pb2 import Open, Stdin
from ws_hub import commands, processes, sse
from ws_hub.command_models import (
    ExecAnswer,
    ExecBody,
    OutputAnswer,
    OutputQuery,
    ProcessAnswer,
    ProcessDone,
    ProcessesAnswer,
    SignalBody,
    StdinQuery,
)
from ws_hub.switchboard import Switchboard

_SANDBOX = (
    "sandbox_not_found",
    "sandbox_destroyed",
    "wrong_state",
    "agent_disconnected",
    "capacity",
)
_PROCESS = (*_SANDBOX, "process_not_found")
READ, WRITE = "sandbox:read", "sandbox:write"


def board(call: Call) -> Switchboard:
    """What this replica works with."""
    return cast(Switchboard, call.request.app.state.switchboard)


def process(call: Call) -> str:
    """The processId, in whatever case, or pid that the path names."""
    return call.param("pid").lower()


async def run(call: Call) -> Response:
    """POST …/exec"""
    hub = board(call)
    sandbox = await hub.enter(call.caller, call.param("id"))
    request = commands.to_exec(call.body)
    feed = hub.feed(sandbox.sandbox_id, Open(exec=request))
    if sse.wanted(call.request):
        return sse.response(sse.follow(feed, await feed.start()))
    try:
        return exec_response(await commands.run(feed, hub.output_limit))
    finally:
        feed.close()


def exec_response(answer: ExecAnswer) -> Response:
    """The answer as JSON; the base64 forms only where they are needed."""
    unused = {name for name in ("stdout_base64", "stderr_base64") if getattr(answer, name) is None}
    body = answer.model_dump_json(by_alias=True, exclude=unused)
    return Response(body, 200, {"Cache-Control": "no-store"}, "application/json")


async def list_all(call: Call) -> ProcessesAnswer:
    """GET …/processes"""
    hub = board(call)
    sandbox = await hub.enter(call.caller, call.param("id"))
    return ProcessesAnswer(processes=await processes.find(hub.calls, sandbox.sandbox_id))


async def look(call: Call) -> ProcessAnswer:
    """GET …/processes/{pid}"""
    hub = board(call)
    sandbox = await hub.enter(call.caller, call.param("id"))
    found = await processes.find(hub.calls, sandbox.sandbox_id, process(call))
    return ProcessAnswer(process=found[0])


async def output(call: Call) -> Response | OutputAnswer:
    """GET …/processes/{pid}/output"""
    hub = board(call)
    sandbox = await hub.enter(call.caller, call.param("id"))
    follow = call.query.follow
    request = processes.attach_request(process(call), call.query.offset, follow=follow)
    feed = hub.feed(sandbox.sandbox_id, request)
    if follow or sse.wanted(call.request):
        return sse.response(sse.follow(feed, await feed.start()))
    try:
        return await processes.output(feed)
    finally:
        feed.close()


async def stdin(call: Call) -> ProcessDone:
    """POST …/processes/{pid}/stdin"""
    hub = board(call)
    sandbox = await hub.enter(call.caller, call.param("id"))
    request = Stdin(process=process(call), close=call.query.close)
    await processes.write(hub.calls, sandbox.sandbox_id, request, call.request.stream())
    return ProcessDone(process_id=process(call))


async def send_signal(call: Call) -> ProcessDone:
    """POST …/processes/{pid}/signal"""
    hub = board(call)
    sandbox = await hub.enter(call.caller, call.param("id"))
    pid = process(call)
    await processes.send_signal(hub.calls, sandbox.sandbox_id, pid, call.body.signal)
    return ProcessDone(process_id=pid)


async def kill(call: Call) -> ProcessDone:
    """DELETE …/processes/{pid}"""
    hub = board(call)
    sandbox = await hub.enter(call.caller, call.param("id"))
    pid = process(call)
    await processes.send_signal(hub.calls, sandbox.sandbox_id, pid, "SIGKILL")
    return ProcessDone(process_id=pid)


def endpoints() -> list[Endpoint]:
    """The endpoints of commands."""
    path = "/sandbox/{id}/processes/{pid}"
    return [
        Endpoint(
            "POST", "/sandbox/{id}/exec", run, "Run a command",
            scope=WRITE, body=ExecBody, response=ExecAnswer, raw_response=(sse.MEDIA_TYPE,),
            errors=(*_SANDBOX, "already_exists", "permission_denied", "disk_full"),
            example={"command": "echo hi | wc -c"}, tag="commands",
            request_headers={"Accept": "`text/event-stream` for the output as it comes."},
        ),
        Endpoint(
            "GET", "/sandbox/{id}/processes", list_all, "Processes of a sandbox",
            scope=READ, response=ProcessesAnswer, errors=_SANDBOX, tag="commands",
        ),
        Endpoint(
            "GET", path, look, "One process, by processId or pid",
            scope=READ, response=ProcessAnswer, errors=_PROCESS, tag="commands",
        ),
        Endpoint(
            "GET", f"{path}/output", output, "Output of a process from an offset",
            scope=READ, query=OutputQuery, response=OutputAnswer, errors=_PROCESS,
            raw_response=(sse.MEDIA_TYPE,), tag="commands",
        ),
        Endpoint(
            "POST", f"{path}/stdin", stdin, "Write to standard input",
            scope=WRITE, query=StdinQuery, raw_body="application/octet-stream",
            response=ProcessDone, errors=(*_PROCESS, "validation_failed"), tag="commands",
        ),
        Endpoint(
            "POST", f"{path}/signal", send_signal, "Send a signal to the process group",
            scope=WRITE, body=SignalBody, response=ProcessDone, errors=_PROCESS,
            example={"signal": "SIGTERM"}, tag="commands",
        ),
        Endpoint(
            "DELETE", path, kill, "Kill the process group",
            scope=WRITE, response=ProcessDone, errors=_PROCESS, tag="commands",
        ),
    ]  # fmt: skip
