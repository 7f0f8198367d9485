"""What is said on one connection: who we are, which frames count, and the streams. No I/O."""

from __future__ import annotations

from collections import deque

from agent import VERSION
from agent.errors import Refused, Violation
from agent.link.stream import Stream
from agent.schema import FromAgent, Hello, Pong, ToAgent, Welcome
from agent.wire import decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from agent.link.stream import Handler
    from agent.schema import Data, Goodbye, Open

    class Link(Protocol):
        """A connection, seen from here."""

        @property
        def full(self) -> bool:
            """Bulk data should wait."""

        def send(self, *parts: bytes) -> None:
            """Queue one message."""

    Opener = Callable[[Stream, Open], Handler | None]


STREAM_LIMIT = 1024
CREDIT_LIMIT = 16 << 20
PING_SECONDS = 10.0
DATA_LIMIT = 256 << 10


class Standing:
    """What outlives a connection. ``uptime`` tells milliseconds, ``configured`` a generation."""

    def __init__(
        self, boot_id: bytes, uptime: Callable[[], int], configured: Callable[[], int]
    ) -> None:
        self.boot_id = boot_id
        self.uptime = uptime
        self.configured = configured
        self.last_generation = 0

    def hello(self) -> Hello:
        """The first frame of a connection."""
        return Hello(
            version=VERSION,
            last_generation=self.last_generation,
            boot_id=self.boot_id,
            uptime_ms=self.uptime(),
            configured_generation=self.configured(),
        )


class Session:
    """``opener`` starts the work of a new stream; ``soon`` calls after what is under way."""

    def __init__(
        self, link: Link, standing: Standing, opener: Opener, soon: Callable[..., None]
    ) -> None:
        self.ping_seconds = PING_SECONDS
        self.welcomed = False
        self.goodbye: Goodbye | None = None
        self.streams: dict[int, Stream] = {}
        self._link, self._standing, self._opener, self._soon = link, standing, opener, soon
        self._generation = 0
        self._credit = 0
        self._ready: deque[Stream] = deque()
        self._pump_due = self._lost = False
        link.send(encode(FromAgent(hello=standing.hello())))

    def receive(self, data: bytes) -> None:
        """One message of the hub. Raises MalformedFrame or Violation."""
        frame = decode(ToAgent, data)
        if frame.welcome is not None:
            self._welcome(frame.welcome)
        elif not self.welcomed:
            raise Violation("the first frame is not Welcome")
        elif frame.generation < self._generation:
            return
        elif frame.ping is not None:
            pong = Pong(number=frame.ping.number)
            self.carry(encode(FromAgent(generation=self._generation, pong=pong)))
        elif frame.goodbye is not None:
            self.goodbye = frame.goodbye
        elif frame.open is not None:
            self._open(frame.stream, frame.open)
        else:
            self._on_stream(frame)

    def pump(self) -> None:
        """Let the streams take turns until the connection is full."""
        self._pump_due = False
        while self._ready and not self._link.full and not self._lost:
            stream = self._ready.popleft()
            stream.queued = False
            if not stream.over and stream.handler is not None and stream.handler.pump():
                self.ready(stream)

    def lose(self) -> None:
        """The connection is over, and its streams with it."""
        self._lost = True
        streams, self.streams = self.streams, {}
        for stream in streams.values():
            stream.over = True
            if stream.handler is not None:
                stream.handler.release(kill=False)

    def carry(self, *parts: bytes) -> None:
        """Send one frame."""
        if not self._lost:
            self._link.send(*parts)

    def ready(self, stream: Stream) -> None:
        """Pump this stream when there is room."""
        if not stream.queued:
            stream.queued = True
            self._ready.append(stream)
        if not self._pump_due:
            self._pump_due = True
            self._soon(self.pump)

    def ended(self, stream: Stream) -> None:
        """Forget this stream."""
        self.streams.pop(stream.number, None)

    def _welcome(self, welcome: Welcome) -> None:
        if self.welcomed or not welcome.generation:
            raise Violation("Welcome is out of place")
        if welcome.generation < self._standing.last_generation:
            raise Violation("the generation is lower than one that was seen before")
        self._standing.last_generation = self._generation = welcome.generation
        self._credit = min(welcome.initial_credit, CREDIT_LIMIT)
        self.ping_seconds = welcome.ping_interval_ms / 1000 or PING_SECONDS
        self.welcomed = True

    def _open(self, number: int, request: Open) -> None:
        if not number or number in self.streams:
            raise Violation("Open on a stream that is open")
        stream = Stream(self, self._generation, number, self._credit)
        if len(self.streams) >= STREAM_LIMIT:
            stream.refuse(Refused("too_many", f"more than {STREAM_LIMIT} requests at once"))
            return
        self.streams[number] = stream
        try:
            handler = self._opener(stream, request)
        except Refused as why:
            stream.refuse(why)
        except Exception:
            stream.refuse(Refused("internal", "the agent failed"))
            raise
        else:
            stream.handler = handler
            stream.wake()

    def _on_stream(self, frame: ToAgent) -> None:
        stream = self.streams.get(frame.stream)
        if stream is None:
            return  # it has ended; the frame crossed our End
        if frame.data is not None:
            self._check(frame.data)
            stream.receive_data(frame.data)
        elif frame.credit is not None:
            stream.receive_credit(frame.credit.bytes)
        elif frame.cancel is not None:
            if stream.handler is not None:
                stream.handler.release(frame.cancel.kill)
            stream.refuse(Refused("cancelled", "the request was given up"))

    def _check(self, data: Data) -> None:
        if len(data.bytes) > DATA_LIMIT or not (data.bytes or data.fin):
            raise Violation("Data is empty or larger than 256 KiB")
