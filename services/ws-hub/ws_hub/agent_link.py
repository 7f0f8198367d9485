"""An agent whose socket is in this replica: its streams, checked frame by frame."""

import logging
from dataclasses import dataclass
from typing import Protocol

from google.protobuf.message import DecodeError
from websockets.asyncio.server import ServerConnection, broadcast
from websockets.exceptions import ConnectionClosed

from wire.agent.v1.agent_pb2 import FromAgent, Open, ToAgent
from ws_hub.errors import Capacity
from ws_hub.guard import StreamGuard, Violation
from ws_hub.link import LinkLost
from ws_hub.stream import WINDOW_BYTES, Stream

logger = logging.getLogger(__name__)

MAX_STREAMS = 1024
MAX_UNREAD_BYTES = 32 * 1024 * 1024
"""What may wait in the socket's buffer for an agent that doesn't read; past it, it is closed."""


class Sink(Protocol):
    """Who takes the frames of a stream: a `Stream`, or the relay to another replica."""

    def deliver(self, frame: FromAgent, kind: str) -> None:
        """Takes a frame that has been checked."""

    def lose(self, reason: str) -> None:
        """The connection is gone."""


@dataclass(slots=True)
class _Entry:
    guard: StreamGuard
    sink: Sink | None
    """None once nobody is interested: frames are checked and dropped until End."""


@dataclass(frozen=True, slots=True)
class AgentIdentity:
    """What an agent and the hub said to one another at the start."""

    sandbox_id: str
    generation: int
    boot_id: bytes
    version: str
    configured_generation: int


class AgentLink:
    """The local link; also the outlet of its streams."""

    __slots__ = ("_entries", "_last", "_reason", "_socket", "heard_at", "identity", "leased")

    def __init__(self, socket: ServerConnection, identity: AgentIdentity, now: float) -> None:
        self.identity = identity
        self.heard_at = now
        self.leased = True
        self._socket = socket
        self._entries: dict[int, _Entry] = {}
        self._last = 0
        self._reason = ""

    @property
    def boot_id(self) -> bytes:
        return self.identity.boot_id

    @property
    def busy(self) -> int:
        """Streams under way."""
        return len(self._entries)

    def open(self, request: Open) -> Stream:
        """Opens a stream whose user is in this replica."""
        ident = self._last + 1
        stream = Stream(ident, self)
        self.attach(request, stream)
        return stream

    def attach(self, request: Open, sink: Sink) -> int:
        """Opens a stream whose frames go to `sink`; returns its id."""
        if self._reason:
            raise LinkLost(self._reason)
        if len(self._entries) >= MAX_STREAMS:
            raise Capacity(f"This sandbox has {MAX_STREAMS} requests under way, its limit.")
        self._last += 1
        self._entries[self._last] = _Entry(StreamGuard(request, WINDOW_BYTES), sink)
        self.post(ToAgent(stream=self._last, open=request))
        return self._last

    # Outlet

    def post(self, frame: ToAgent) -> None:
        """Sends a frame without waiting; an agent that doesn't read is bounded by its buffer."""
        if not self._note(frame):
            return
        frame.generation = self.identity.generation
        broadcast([self._socket], frame.SerializeToString())
        if self._socket.transport.get_write_buffer_size() > MAX_UNREAD_BYTES:
            self._socket.transport.abort()

    async def write(self, frame: ToAgent) -> None:
        """Sends data and waits while the socket's buffer is full."""
        if not self._note(frame):
            return
        frame.generation = self.identity.generation
        try:
            await self._socket.send(frame.SerializeToString())
        except ConnectionClosed:
            return  # `lose` tells everyone.

    def forget(self, ident: int) -> None:
        entry = self._entries.get(ident)
        if entry is not None:
            entry.sink = None

    def _note(self, frame: ToAgent) -> bool:
        if not frame.stream:
            return True
        entry = self._entries.get(frame.stream)
        if entry is None:
            return False  # It has ended while this frame was made.
        entry.guard.sent(frame)
        return True

    # What arrives

    def receive(self, message: object, now: float) -> None:
        """One message of the socket. Raises Violation."""
        if self._reason:
            return  # Let go already; what was under way still arrives.
        self.heard_at = now
        if not isinstance(message, bytes):
            raise Violation("a text message")
        try:
            frame = FromAgent.FromString(message)
        except DecodeError:
            raise Violation("not a FromAgent frame") from None
        kind = frame.WhichOneof("kind")
        if kind is None:
            raise Violation("a frame without a kind")
        generation = self.identity.generation
        if frame.generation != generation:
            if frame.generation < generation:
                return
            raise Violation("a generation that was never given")
        if kind == "pong":
            return
        if kind == "hello":
            raise Violation("hello twice")
        entry = self._entries.get(frame.stream)
        if entry is None:
            raise Violation(f"no stream {frame.stream}")
        entry.guard.received(frame, kind)
        if kind == "end":
            del self._entries[frame.stream]
        if entry.sink is not None:
            entry.sink.deliver(frame, kind)

    def lose(self, reason: str) -> None:
        """The socket is gone: every stream learns it."""
        self._reason = self._reason or reason
        entries, self._entries = self._entries, {}
        for entry in entries.values():
            if entry.sink is not None:
                entry.sink.lose(reason)

    def abort(self) -> None:
        """Cuts the connection of an agent that is not there any more."""
        self._socket.transport.abort()

    async def close(self, code: int, reason: str) -> None:
        """Ends the connection with a close frame."""
        await self._socket.close(code, reason[:120])
