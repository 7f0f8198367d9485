"""Both directions of a stream's flow control, as numbers."""

from __future__ import annotations

from agent.errors import Violation

GRANT_LIMIT = 16 << 20


class SendWindow:
    """What we may send."""

    __slots__ = ("left",)

    def __init__(self, initial: int) -> None:
        self.left = initial

    def add(self, count: int) -> None:
        """The other side granted more. Raises Violation."""
        if not 1 <= count <= GRANT_LIMIT or self.left + count > GRANT_LIMIT:
            raise Violation("credit is out of range")
        self.left += count

    def take(self, count: int) -> None:
        """Bytes are sent; the caller has looked at ``left``."""
        if count > self.left:
            raise ValueError("more than the credit")
        self.left -= count


class ReceiveWindow:
    """What the other side may send, ``size`` bytes ahead of what was consumed.

    Credit is given back in steps of a quarter of the window, so that it costs few frames.
    """

    __slots__ = ("_consumed", "_left", "_size")

    def __init__(self, initial: int) -> None:
        self._left = self._size = initial
        self._consumed = 0

    def receive(self, count: int) -> None:
        """Bytes came in. Raises Violation when they were not granted."""
        if count > self._left:
            raise Violation("data beyond the credit")
        self._left -= count

    def widen(self, more: int) -> None:
        """Make the window that much larger; the caller grants it."""
        self._size += more
        self._left += more

    def consume(self, count: int) -> int:
        """Bytes are dealt with; the bytes to grant now, often 0."""
        self._consumed += count
        if self._consumed * 4 < self._size:
            return 0
        grant, self._consumed = self._consumed, 0
        self._left += grant
        return grant
