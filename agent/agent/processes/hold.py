"""When a process has to wait for its readers, so that no output is lost. No I/O.

A follower that lags holds the process back as long as it gets on; one that has not moved for
STUCK_SECONDS is left behind, and told the gap by its next offset.
"""

from __future__ import annotations

LAG_BYTES = 2 << 20
STUCK_SECONDS = 2.0


class Reader:
    """A follower's place in a log. ``moved_at`` is when it got on last, or had nothing to do."""

    __slots__ = ("moved_at", "offset")

    def __init__(self, offset: int, now: float) -> None:
        self.offset = offset
        self.moved_at = now

    def written(self, before: int, now: float) -> None:
        """The log grew from ``before``."""
        if self.offset >= before:
            self.moved_at = now

    def moved(self, offset: int, now: float) -> None:
        """Everything before ``offset`` is sent."""
        self.offset = offset
        self.moved_at = now

    def holds_until(self, end: int) -> float:
        """Until when the process must wait for this reader; 0 when it need not."""
        return self.moved_at + STUCK_SECONDS if end - self.offset >= LAG_BYTES else 0.0


def held_until(readers: list[Reader], end: int, now: float) -> float:
    """Until when to read nothing from the process, at the longest; 0 when it may go on."""
    until = max((reader.holds_until(end) for reader in readers), default=0.0)
    return until if until > now else 0.0
