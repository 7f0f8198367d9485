"""One stream to an agent, as its user sees it: receive, send, cancel; credit is handled inside.

The same object stands for a stream of an agent connected here and for one that is relayed from
another replica: only its outlet differs. What has arrived and was not yet received is bounded by
`MAX_QUEUED_BYTES`; past it the stream alone is given up (`StreamLost`), nobody else waits.
"""

import asyncio
from collections import deque
from types import TracebackType
from typing import Protocol

from wire.agent.v1.agent_pb2 import Data, End, FileEvent, FromAgent, ToAgent
from ws_hub.credit import Inbound, Outbound
from ws_hub.guard import MAX_DATA_BYTES

WINDOW_BYTES = 256 * 1024
WIDE_WINDOW_BYTES = 1024 * 1024
MAX_QUEUED_BYTES = 4 * 1024 * 1024
MAX_QUEUED_EVENTS = 1024
FRAME_COST_BYTES = 200
MERGE_BYTES = 16 * 1024


class StreamLost(Exception):
    """The way to the agent broke, or too much waited to be received; not the stream's own end."""


class Outlet(Protocol):
    """Where a stream's frames go: the agent's socket, or the replica that holds it."""

    def post(self, frame: ToAgent) -> None:
        """Sends a small frame, without waiting."""

    async def write(self, frame: ToAgent) -> None:
        """Sends data, waiting while too much is under way."""

    def forget(self, ident: int) -> None:
        """The stream has ended on this side and takes no more frames."""


class Stream:
    """A stream in use; leave it by `async with`, which cancels it when it has not ended."""

    __slots__ = (
        "_cancelled",
        "_cost",
        "_credited",
        "_error",
        "_events",
        "_inbound",
        "_outbound",
        "_outlet",
        "_queue",
        "_waiter",
        "_writer",
        "ended",
        "ident",
    )

    def __init__(self, ident: int, outlet: Outlet) -> None:
        self.ident = ident
        self.ended = False
        self._outlet = outlet
        self._queue: deque[FromAgent] = deque()
        self._cost = 0
        self._events = 0
        self._inbound = Inbound(WINDOW_BYTES)
        self._outbound = Outbound(WINDOW_BYTES)
        self._waiter: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._error: StreamLost | None = None
        self._cancelled = False
        self._credited = False

    # What the link calls.

    def deliver(self, frame: FromAgent, kind: str) -> None:
        """Takes a frame that has been checked."""
        if self._cancelled or self._error is not None:
            return
        if kind == "credit":
            self._outbound.grant(frame.credit.bytes)
            self._wake_writer()
            if self._credited:
                return
            self._credited = True  # The first one is also an answer: a dial stands.
        if kind == "end":
            self.ended = True
            self._wake_writer()
        if kind == "file_event" and not self._admit(frame.file_event):
            return
        self._append(frame, kind)
        if self._cost > MAX_QUEUED_BYTES:
            # An honest agent wrote tiny pieces to a slow reader, or a hostile one floods.
            self.cancel_lost("too much waited to be read")
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def lose(self, reason: str) -> None:
        """The way to the agent is gone; what has arrived can still be received."""
        if self.ended or self._error is not None:
            return
        self._error = StreamLost(reason)
        self._wake_writer()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def cancel_lost(self, reason: str) -> None:
        """Gives the stream up on both sides, because of what went wrong on the way."""
        if self.ended or self._error is not None:
            return
        frame = ToAgent(stream=self.ident)
        frame.cancel.kill = False
        self._outlet.post(frame)
        self._outlet.forget(self.ident)
        self.lose(reason)

    # What the user calls.

    async def recv(self) -> FromAgent:
        """The next frame; End is the last one. Raises StreamLost."""
        await self.peek()
        frame = self._queue.popleft()
        kind = frame.WhichOneof("kind")
        size = len(frame.data.bytes) if kind == "data" else frame.ByteSize()
        self._cost -= FRAME_COST_BYTES + size
        if kind == "data" and not self.ended and self._error is None:
            due = self._inbound.consume(size)
            if due:
                self._grant(due)
        elif kind == "file_event":
            self._events -= 1
        return frame

    async def peek(self) -> FromAgent:
        """The frame that `recv` will return, left in its place. Raises StreamLost."""
        while not self._queue:
            if self._error is not None:
                raise self._error
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._queue[0]

    async def send(self, data: bytes, *, fin: bool = False) -> bool:
        """Sends bytes as far as the agent grants credit, and waits for more.

        False when the agent has ended the stream and wants no more. Raises StreamLost.
        """
        view = memoryview(data)
        while True:
            if self._error is not None:
                raise self._error
            if self.ended:
                return False
            taken = self._outbound.take(min(len(view), MAX_DATA_BYTES))
            if not taken and len(view):
                self._writer = asyncio.get_running_loop().create_future()
                await self._writer
                continue
            chunk, view = bytes(view[:taken]), view[taken:]
            last = fin and not len(view)
            if chunk or last:
                frame = ToAgent(stream=self.ident, data=Data(bytes=chunk, fin=last))
                await self._outlet.write(frame)
            if not len(view):
                return True

    def widen(self) -> None:
        """Lets the agent send more at once: for files, archives and ports."""
        extra = WIDE_WINDOW_BYTES - WINDOW_BYTES
        self._inbound.widen(extra)
        self._grant(extra)

    def cancel(self, *, kill: bool = False) -> None:
        """Gives the stream up; with `kill` an Exec's process group too. Safe to repeat."""
        if self._cancelled or self.ended:
            return
        self._cancelled = True
        self._queue.clear()
        if self._error is None:
            frame = ToAgent(stream=self.ident)
            frame.cancel.kill = kill
            self._outlet.post(frame)
            self._outlet.forget(self.ident)
            self._error = StreamLost("cancelled")
        self._wake_writer()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def __aenter__(self) -> "Stream":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cancel()

    # Inside.

    def _grant(self, amount: int) -> None:
        frame = ToAgent(stream=self.ident)
        frame.credit.bytes = amount
        self._outlet.post(frame)

    def _append(self, frame: FromAgent, kind: str) -> None:
        size = len(frame.data.bytes) if kind == "data" else frame.ByteSize()
        if kind == "data" and self._queue and size < MERGE_BYTES:
            last = self._queue[-1].data
            held = len(last.bytes)
            if 0 < held < MERGE_BYTES and _continues(last, frame.data):
                last.bytes += frame.data.bytes
                last.fin = frame.data.fin
                self._cost += size
                return
        self._queue.append(frame)
        self._cost += FRAME_COST_BYTES + size

    def _admit(self, event: FileEvent) -> bool:
        self._events += 1
        if self._events > MAX_QUEUED_EVENTS:
            self._events -= 1
            return False
        if self._events == MAX_QUEUED_EVENTS:
            event.type = "overflow"
        return True

    def _wake_writer(self) -> None:
        if self._writer is not None and not self._writer.done():
            self._writer.set_result(None)


def _continues(last: Data, data: Data) -> bool:
    return last.channel == data.channel and last.offset + len(last.bytes) == data.offset


def succeeded(end: End) -> bool:
    """The stream ended as it should."""
    return not end.code
