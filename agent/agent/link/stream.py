"""One stream: an id, credit both ways, and whoever does its work."""

from __future__ import annotations

from agent.errors import DETAIL_LIMIT
from agent.link.credit import ReceiveWindow, SendWindow
from agent.schema import Credit, Data, End, FromAgent
from agent.wire import encode, encode_data, varint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from agent.errors import Refused
    from agent.schema import Exit

    class Handler(Protocol):
        """Does a stream's work. After ``release``, or an End, it is not called again."""

        def received(self, data: Data) -> None:
            """Bytes from the hub, within the credit; give them back with ``stream.consumed``."""

        def pump(self) -> bool:
            """Send one piece of bulk data if there is any; True when more may follow at once."""

        def release(self, kill: bool) -> None:
            """Nobody is interested any more; free everything, send nothing."""

    class Carrier(Protocol):
        """Where a stream's frames go."""

        def carry(self, *parts: bytes) -> None:
            """Send one frame."""

        def ready(self, stream: Stream) -> None:
            """Pump this stream when there is room."""

        def ended(self, stream: Stream) -> None:
            """Forget this stream."""


CHUNK_BYTES = 64 << 10
"""What a pump sends at most, so that streams take turns."""
_DATA_TAG = 5 << 3 | 2


class Stream:
    """The agent's end of a stream."""

    def __init__(self, carrier: Carrier, generation: int, number: int, credit: int) -> None:
        self.number = number
        self.handler: Handler | None = None
        self.over = self.queued = False
        self._carrier = carrier
        self._prefix = b"\x08" + varint(generation) + b"\x10" + varint(number)
        self._send_window = SendWindow(credit)
        self._receive_window = ReceiveWindow(credit)

    @property
    def credit(self) -> int:
        """Bytes that may be sent."""
        return self._send_window.left

    def send(self, **kind: Any) -> None:
        """Send a frame that needs no credit, such as ``started=Started(…)``."""
        self.send_encoded(encode(FromAgent(**kind)))

    def send_encoded(self, frame: bytes) -> None:
        """Send an encoded FromAgent that lacks its generation and stream."""
        if not self.over:
            self._carrier.carry(self._prefix, frame)

    def send_data(self, data: bytes, offset: int = 0, channel: int = 0, fin: bool = False) -> None:
        """Send bulk bytes, no more than ``credit``."""
        if self.over:
            return
        self._send_window.take(len(data))
        fields = b"\x10" + varint(offset) if offset else b""
        if channel:
            fields += b"\x18" + varint(channel)
        if fin:
            fields += b"\x20\x01"
        self._carrier.carry(encode_data(_DATA_TAG, self._prefix, fields, len(data)), data)

    def consumed(self, count: int) -> None:
        """Bytes that were received are dealt with: let the hub send more."""
        self._grant(self._receive_window.consume(count))

    def widen(self, more: int) -> None:
        """Let the hub be that many bytes further ahead."""
        self._receive_window.widen(more)
        self._grant(more)

    def end(self, exit: Exit | None = None) -> None:
        """The work is done."""
        self._end(End(exit=exit))

    def refuse(self, why: Refused) -> None:
        """The work cannot be done."""
        self._end(End(code=why.code, detail=why.detail[:DETAIL_LIMIT], field=why.field))

    def end_encoded(self, frame: bytes) -> None:
        """Like ``end``, with an encoded FromAgent that holds an End."""
        self.send_encoded(frame)
        self._forget()

    def wake(self) -> None:
        """There may be something to pump."""
        if not self.over:
            self._carrier.ready(self)

    def receive_data(self, data: Data) -> None:
        """For the session. Raises Violation."""
        self._receive_window.receive(len(data.bytes))
        if self.handler is not None:
            self.handler.received(data)

    def receive_credit(self, count: int) -> None:
        """For the session. Raises Violation."""
        self._send_window.add(count)
        self.wake()

    def _grant(self, count: int) -> None:
        if count:
            self.send(credit=Credit(bytes=count))

    def _end(self, end: End) -> None:
        self.send(end=end)
        self._forget()

    def _forget(self) -> None:
        if not self.over:
            self.over = True
            self._carrier.ended(self)
