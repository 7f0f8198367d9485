"""Event streams (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import StreamingResponse

from kit.errors import Failure
from wire.agent.v1.agent_pb2 import Data, End, Started
from ws_hub.commands import STDOUT, exit_code, signal_name
from ws_hub.feed import Feed

logger = logging.getLogger(__name__)

MEDIA_TYPE = "text/event-stream"
PING_SECONDS = 15.0
PING = b"event: ping\ndata: {}\n\n"


def wanted(request: Request) -> bool:
    """The caller asks for an event stream."""
    return MEDIA_TYPE in request.headers.get("accept", "")


def event(name: str, data: dict[str, Any]) -> bytes:
    """One event."""
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


def response(events: AsyncIterator[bytes]) -> StreamingResponse:
    """The answer that carries the events."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type=MEDIA_TYPE, headers=headers)


async def with_pings(next_event: Callable[[], Awaitable[bytes | None]]) -> AsyncIterator[bytes]:
    """The events until None, a ping when there was none for 15 s, an `error` event on failure."""
    while True:
        try:
            async with asyncio.timeout(PING_SECONDS):
                found = await next_event()
        except TimeoutError:
            found = PING
        except Failure as failure:
            yield event("error", {"code": failure.code, "error": failure.detail})
            return
        if found is None:
            return
        yield found


async def follow(feed: Feed, started: Started) -> AsyncIterator[bytes]:
    """A process as events: `start`, `stdout` and `stderr`, `exit` when it has ended."""
    over = False

    async def next_event() -> bytes | None:
        nonlocal over
        if over:
            return None
        frame = await feed.recv()
        if isinstance(frame, Data):
            return output(frame)
        if isinstance(frame, Started):
            return event("start", start_fields(frame))
        over = True
        return event("exit", exit_fields(frame)) if frame.HasField("exit") else None

    try:
        yield event("start", start_fields(started))
        async for found in with_pings(next_event):
            yield found
    finally:
        feed.close()


def output(data: Data) -> bytes:
    """A `stdout` or `stderr` event."""
    name = "stdout" if data.channel == STDOUT else "stderr"
    text = base64.b64encode(data.bytes).decode()
    return f'event: {name}\ndata: {{"offset":{data.offset},"data":"{text}"}}\n\n'.encode()


def start_fields(started: Started) -> dict[str, Any]:
    """What `start` (and `started` on a client socket) says."""
    return {
        "processId": started.process_id,
        "pid": started.pid,
        "offset": started.offset,
        "dropped": started.dropped,
        "running": started.running,
    }


def exit_fields(end: End) -> dict[str, Any]:
    """What `exit` says."""
    ended = end.exit
    return {
        "exitCode": exit_code(ended),
        "signal": signal_name(ended),
        "durationMs": ended.duration_ms,
        "timedOut": ended.timed_out,
        "nextOffset": ended.end_offset,
    }
