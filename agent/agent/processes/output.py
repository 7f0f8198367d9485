"""A process's output: a bounded log of bytes in the order of arrival, addressed by offset."""

from __future__ import annotations

from bisect import bisect_right

LOG_BYTES = 4 << 20
ALL_LOGS_BYTES = 64 << 20
RECORD_BYTES = 64 << 10
_RECORD_COST = 160
"""What a record weighs beside its bytes, so that many tiny ones are bounded too."""


class Budget:
    """What all logs may hold together. Logs of ended processes go first, the oldest ended first."""

    def __init__(self, limit: int = ALL_LOGS_BYTES) -> None:
        self._limit = limit
        self._used = 0
        self._ended: dict[OutputLog, None] = {}
        self._live: dict[OutputLog, None] = {}

    def enter(self, log: OutputLog) -> None:
        """A log that will be written."""
        self._live[log] = None

    def end(self, log: OutputLog) -> None:
        """Its process has ended; it may be emptied when room is needed."""
        self._live.pop(log, None)
        self._ended[log] = None

    def leave(self, log: OutputLog) -> None:
        """It is forgotten."""
        log.drop_to(log.next)
        self._live.pop(log, None)
        self._ended.pop(log, None)

    def charge(self, cost: int) -> None:
        """Bytes were added, or let go (negative)."""
        self._used += cost
        while self._used > self._limit and self._ended:
            log = next(iter(self._ended))
            del self._ended[log]
            log.drop_to(log.next)
        while self._used > self._limit and self._live:
            largest = max(self._live, key=lambda log: log.cost)
            largest.drop_first()


class OutputLog:
    """``first`` to ``next`` is held; what was before has been dropped."""

    def __init__(self, budget: Budget, limit: int = LOG_BYTES) -> None:
        self.next = self.cost = 0
        self._limit = limit
        self._budget = budget
        self._starts: list[int] = []
        self._records: list[tuple[int, bytearray]] = []
        self._head = 0
        budget.enter(self)

    @property
    def first(self) -> int:
        """Offset of the first byte still held."""
        return self._starts[self._head] if self._head < len(self._starts) else self.next

    def append(self, channel: int, data: bytes) -> None:
        """Add bytes, letting the oldest go when the log is full."""
        cost = len(data)
        last = self._records[-1] if self._head < len(self._records) else None
        if last and last[0] == channel and len(last[1]) + len(data) <= RECORD_BYTES:
            last[1].extend(data)
        else:
            self._starts.append(self.next)
            self._records.append((channel, bytearray(data)))
            cost += _RECORD_COST
        self.next += len(data)
        self.cost += cost
        while self.cost > self._limit and self._head < len(self._records) - 1:
            self.drop_first()
        self._budget.charge(cost)

    def read(self, offset: int, limit: int) -> tuple[int, int, bytes] | None:
        """Channel, offset and at most ``limit`` bytes from ``offset`` or the next byte held."""
        offset = max(offset, self.first)
        if offset >= self.next or limit <= 0:
            return None
        index = bisect_right(self._starts, offset, lo=self._head) - 1
        channel, record = self._records[index]
        at = offset - self._starts[index]
        return channel, offset, bytes(record[at : at + limit])

    def drop_first(self) -> None:
        """Let the oldest record go."""
        if self._head >= len(self._records):
            return
        cost = len(self._records[self._head][1]) + _RECORD_COST
        self._records[self._head] = (0, bytearray())
        self._head += 1
        self.cost -= cost
        self._budget.charge(-cost)
        if self._head * 2 > len(self._records):
            del self._records[: self._head], self._starts[: self._head]
            self._head = 0

    def drop_to(self, offset: int) -> None:
        """Let go of all that begins before ``offset``."""
        while self.first < offset:
            self.drop_first()
