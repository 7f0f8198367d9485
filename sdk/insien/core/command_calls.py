"""The calls about commands and the processes they become."""

import base64
import uuid
from collections.abc import Mapping
from typing import Any

import httpx

from insien.core.call import Call, nothing, sandbox_path
from insien.results import Command, ExecOptions, Output, ProcessInfo, Result

EVENT_STREAM = {"Accept": "text/event-stream"}
SILENCE_SECONDS = 45.0
"""Three missed pings: the connection is dead though nobody said so."""
FOREGROUND_SECONDS = 300.0
GRACE_SECONDS = 60.0
"""Over the command's own timeout: its end, its cleaning up, its way here."""


def request(command: Command, options: ExecOptions) -> dict[str, Any]:
    """The body of a command: a text is run by the shell, a list as it is."""
    if isinstance(command, str):
        return _request({"command": command}, options)
    cmd, *args = command
    return _request({"cmd": cmd, "args": args}, options)


def run(sandbox_id: str, body: Mapping[str, Any]) -> Call[Result]:
    """Repeatable: the request names its process, so that it runs once."""
    timeout = body.get("timeoutMs", FOREGROUND_SECONDS * 1000) / 1000
    return Call(
        "POST",
        sandbox_path(sandbox_id, "exec"),
        _result,
        json=dict(body),
        read_seconds=timeout + GRACE_SECONDS if timeout else None,
    )


def start(sandbox_id: str, body: Mapping[str, Any]) -> Call[str]:
    """Gives the processId."""
    background = {**body, "background": True}
    return Call("POST", sandbox_path(sandbox_id, "exec"), _process_id, json=background)


def run_streaming(sandbox_id: str, body: Mapping[str, Any]) -> Call[None]:
    return Call(
        "POST",
        sandbox_path(sandbox_id, "exec"),
        nothing,
        json=dict(body),
        headers=EVENT_STREAM,
        read_seconds=SILENCE_SECONDS,
    )


def follow(sandbox_id: str, process_id: str, offset: int) -> Call[None]:
    return Call(
        "GET",
        sandbox_path(sandbox_id, "processes", process_id, "output"),
        nothing,
        params={"offset": str(offset), "follow": "true"},
        headers=EVENT_STREAM,
        read_seconds=SILENCE_SECONDS,
    )


def output(sandbox_id: str, process_id: str, offset: int) -> Call[Output]:
    path = sandbox_path(sandbox_id, "processes", process_id, "output")
    return Call("GET", path, _output, params={"offset": str(offset)})


def processes(sandbox_id: str) -> Call[tuple[ProcessInfo, ...]]:
    return Call("GET", sandbox_path(sandbox_id, "processes"), _processes)


def process(sandbox_id: str, process_id: str) -> Call[ProcessInfo]:
    return Call("GET", sandbox_path(sandbox_id, "processes", process_id), _process)


def stdin(sandbox_id: str, process_id: str, data: bytes, close: bool) -> Call[None]:
    """Not repeatable: bytes written twice would be read twice."""
    return Call(
        "POST",
        sandbox_path(sandbox_id, "processes", process_id, "stdin"),
        nothing,
        params={"close": "true"} if close else {},
        content=data,
        headers={"Content-Type": "application/octet-stream"},
        repeatable=False,
    )


def signal(sandbox_id: str, process_id: str, name: str) -> Call[None]:
    path = sandbox_path(sandbox_id, "processes", process_id, "signal")
    return Call("POST", path, nothing, json={"signal": name}, repeatable=False)


def kill(sandbox_id: str, process_id: str) -> Call[None]:
    return Call("DELETE", sandbox_path(sandbox_id, "processes", process_id), nothing)


def _request(what: dict[str, Any], options: ExecOptions) -> dict[str, Any]:
    stdin = options.get("stdin")
    if isinstance(stdin, bytes):
        stdin_field: Any = {"base64": base64.b64encode(stdin).decode()}
    else:
        stdin_field = stdin
    timeout = options.get("timeout_seconds")
    optional = {
        "cwd": options.get("cwd"),
        "env": options.get("env"),
        "user": options.get("user"),
        "stdin": stdin_field,
        "timeoutMs": None if timeout is None else round(timeout * 1000),
    }
    given = {name: value for name, value in optional.items() if value is not None}
    return what | given | {"processId": options.get("process_id") or str(uuid.uuid4())}


def _result(response: httpx.Response) -> Result:
    return Result.from_json(response.json())


def _process_id(response: httpx.Response) -> str:
    return str(response.json()["processId"])


def _output(response: httpx.Response) -> Output:
    return Output.from_json(response.json())


def _processes(response: httpx.Response) -> tuple[ProcessInfo, ...]:
    return tuple(ProcessInfo.from_json(item) for item in response.json()["processes"])


def _process(response: httpx.Response) -> ProcessInfo:
    data = response.json()
    return ProcessInfo.from_json(data.get("process", data))
