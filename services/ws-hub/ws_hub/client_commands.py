"""The requests of a client socket that run commands and talk to processes."""

import asyncio
import base64
import json
from typing import Any

from kit.errors import RateLimited, ValidationFailed
from kit.parse import check
from wire.agent.v1.agent_pb2 import Data, End, Exec, Open, Started, Stdin, TerminalSize
from ws_hub import commands, processes, sse
from ws_hub.client_models import (
    AttachFrame,
    CancelFrame,
    DataFrame,
    ExecFrame,
    ResizeFrame,
    SignalFrame,
    StdinFrame,
    TerminalFrame,
)
from ws_hub.client_session import ClientSession, Request
from ws_hub.command_models import ExecAnswer, ExecBody, decode
from ws_hub.errors import ProcessNotFound
from ws_hub.feed import Feed

ANSWER_BYTES = 512 * 1024
"""Output in one frame: base64 of it must fit into the 1 MiB that a frame may have."""
MAX_FRAME_BYTES = 1024 * 1024
MAX_INPUTS = 1024

SHELL = "command -v bash >/dev/null 2>&1 && exec bash -l; exec sh -l"
TERM = "xterm-256color"


async def run(session: ClientSession, request: Request) -> None:
    """exec"""
    body = check(ExecFrame, request.fields)
    plain = ExecBody.model_validate(body.model_dump(exclude={"stream"}))
    opening = Open(exec=commands.to_exec(plain, typed=body.stream))
    feed = request.feed = session.board.feed(session.sandbox_id, opening)
    if body.stream and not body.background:
        await _follow(session, request, feed, terminal=False)
        return
    answer = await commands.run(feed, min(ANSWER_BYTES, session.board.output_limit))
    await session.send_text(_exec_response(request, answer))


def _exec_response(request: Request, answer: ExecAnswer) -> str:
    head: dict[str, Any] = {"id": request.id, "type": "execResponse"}
    fields = answer.model_dump(by_alias=True)
    for name in ("stdoutBase64", "stderrBase64"):
        if fields[name] is None:
            del fields[name]
    text = json.dumps(head | fields)
    if len(text) > MAX_FRAME_BYTES:  # Mostly what JSON must escape.
        for name in ("stdout", "stderr"):
            if fields[name] is not None:
                raw = fields[name].encode()
                fields[name], fields[f"{name}Base64"] = None, base64.b64encode(raw).decode()
        text = json.dumps(head | fields)
    return text


async def terminal(session: ClientSession, request: Request) -> None:
    """terminal"""
    body = check(TerminalFrame, request.fields)
    if body.args is not None and body.cmd is None:
        raise ValidationFailed.of("args", "goes with `cmd`")
    by_shell = body.args is None
    asked = ExecBody(
        command=(body.cmd or SHELL) if by_shell else None,
        cmd=None if by_shell else body.cmd,
        args=body.args,
        cwd=body.cwd,
        env={"TERM": TERM} | (body.env or {}),
        user=body.user,
        timeout_ms=0,
        process_id=body.process_id,
    )
    command: Exec = commands.to_exec(asked, typed=True)
    command.terminal.CopyFrom(TerminalSize(rows=body.rows, cols=body.cols))
    feed = request.feed = session.board.feed(session.sandbox_id, Open(exec=command))
    request.input = asyncio.Queue(MAX_INPUTS)
    typing = asyncio.create_task(_type(session, request, feed))
    try:
        await _follow(session, request, feed, terminal=True)
    finally:
        typing.cancel()


async def _type(session: ClientSession, request: Request, feed: Feed) -> None:
    """Hands on what is typed, in order."""
    assert request.input is not None
    while True:
        data = await request.input.get()
        while not request.input.empty() and len(data) < 64 * 1024:
            data += request.input.get_nowait()
        try:
            await _stdin(session, feed.process_id, data, close=False)
        except (ProcessNotFound, ValidationFailed) as failure:
            await session.fail(request.id, failure)


async def data(session: ClientSession, request: Request) -> None:
    """data: input for a terminal; runs before the next frame is read, so order holds."""
    body = check(DataFrame, request.fields)
    await asyncio.sleep(0)  # a terminal asked for in the frame before takes its first step now
    target = session.requests.get(request.id)
    if target is None or target.input is None:
        raise ProcessNotFound("No terminal was started under this id.")
    try:
        target.input.put_nowait(decode(body.data))
    except asyncio.QueueFull:
        raise RateLimited("The terminal does not read its input.") from None


async def attach(session: ClientSession, request: Request) -> None:
    """attach"""
    body = check(AttachFrame, request.fields)
    opening = processes.attach_request(body.process_id, body.offset, follow=True)
    feed = request.feed = session.board.feed(session.sandbox_id, opening)
    await _follow(session, request, feed, terminal=False)


async def _follow(session: ClientSession, request: Request, feed: Feed, *, terminal: bool) -> None:
    head = {"id": request.id}
    ident = json.dumps(request.id)
    while True:
        frame = await feed.recv()
        if isinstance(frame, Data):
            kind = "stdout" if frame.channel == commands.STDOUT else "stderr"
            kind = "data" if terminal else kind
            text = base64.b64encode(frame.bytes).decode()
            await session.send_text(
                f'{{"id":{ident},"type":"{kind}","offset":{frame.offset},"data":"{text}"}}'
            )
        elif isinstance(frame, Started):
            await session.send(head | {"type": "started"} | sse.start_fields(frame))
        else:
            await _exit(session, head, frame)
            return


async def _exit(session: ClientSession, head: dict[str, Any], end: End) -> None:
    await session.send(head | {"type": "exit"} | sse.exit_fields(end))


async def stdin(session: ClientSession, request: Request) -> None:
    """stdin"""
    body = check(StdinFrame, request.fields)
    await _stdin(session, body.process_id, decode(body.data), close=body.close)
    await done(session, request)


async def _stdin(session: ClientSession, process: str, raw: bytes, *, close: bool) -> None:
    async def source() -> Any:
        if raw:
            yield raw

    lock = session.locks.setdefault(process, asyncio.Lock())
    async with lock:
        opening = Stdin(process=process, close=close)
        await processes.write(session.board.calls, session.sandbox_id, opening, source())


async def signal(session: ClientSession, request: Request) -> None:
    """signal"""
    body = check(SignalFrame, request.fields)
    calls = session.board.calls
    await processes.send_signal(calls, session.sandbox_id, body.process_id, body.signal)
    await done(session, request)


async def resize(session: ClientSession, request: Request) -> None:
    """resize"""
    body = check(ResizeFrame, request.fields)
    size = TerminalSize(rows=body.rows, cols=body.cols)
    await processes.resize(session.board.calls, session.sandbox_id, body.process_id, size)
    await done(session, request)


async def cancel(session: ClientSession, request: Request) -> None:
    """cancel: the target ends with `cancelled`, a command's process is killed."""
    body = check(CancelFrame, request.fields)
    target = session.requests.get(body.target)
    if target is None or target.task is None:
        raise ValidationFailed.of("target", "is not the id of a request under way")
    # A task that is cancelled before its first step never runs: let it take that step.
    await asyncio.sleep(0)
    if target.feed is not None:
        target.feed.kill()
    target.task.cancel()
    await done(session, request)


async def done(session: ClientSession, request: Request, **fields: Any) -> None:
    """`<type>Response` with success."""
    head = {"id": request.id, "type": f"{request.type}Response", "success": True}
    await session.send(head | fields)
