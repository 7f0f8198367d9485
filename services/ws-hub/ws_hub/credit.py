"""Flow control of one stream, as plain state without I/O. All amounts are bytes.

Each direction of a stream has a window: the receiver grants credit, the sender spends it. What the
receiver has consumed it grants again, in portions of at least half a window, so that small reads
don't cost a frame each.
"""

MAX_ALLOWANCE_BYTES = 16 * 1024 * 1024


class Overrun(Exception):
    """The peer sent more than it was allowed to, or granted more than anyone may."""


class Inbound:
    """What we let the peer send on a stream that started with `window` bytes of credit."""

    __slots__ = ("_consumed", "_portion", "open")

    def __init__(self, window: int) -> None:
        self.open = window
        self._portion = window // 2
        self._consumed = 0

    def widen(self, amount: int) -> None:
        """More credit than at the start; from now on it is granted in larger portions."""
        self.open += amount
        self._portion += amount // 2

    def grant(self, amount: int) -> None:
        """The peer was told that it may send `amount` more."""
        self.open += amount

    def receive(self, amount: int) -> None:
        """The peer sent `amount`. Raises Overrun when it had not so much credit."""
        if amount > self.open:
            raise Overrun(f"{amount} bytes with a credit of {self.open}")
        self.open -= amount

    def consume(self, amount: int) -> int:
        """`amount` has been used up; returns what is to be granted now, 0 for not yet."""
        self._consumed += amount
        if self._consumed < self._portion:
            return 0
        due, self._consumed = self._consumed, 0
        return due


class Outbound:
    """What the peer lets us send."""

    __slots__ = ("left",)

    def __init__(self, window: int) -> None:
        self.left = window

    def grant(self, amount: int) -> None:
        """The peer allows `amount` more. Raises Overrun when that is beyond 16 MiB in all."""
        if not 0 < amount <= MAX_ALLOWANCE_BYTES or self.left + amount > MAX_ALLOWANCE_BYTES:
            raise Overrun(f"credit of {amount} on top of {self.left}")
        self.left += amount

    def take(self, wanted: int) -> int:
        """As much of `wanted` as may be sent now, and spends it."""
        taken = min(wanted, self.left)
        self.left -= taken
        return taken
