"""How long to wait before dialing again: exponential, with full jitter.

https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_SECONDS = 0.1
LONGEST_SECONDS = 10.0
STEADY_SECONDS = 5.0


class Backoff:
    """``draw`` returns a fraction in [0, 1)."""

    def __init__(self, draw: Callable[[], float]) -> None:
        self._draw = draw
        self._ceiling = FIRST_SECONDS

    def next(self) -> float:
        """Seconds to wait now; the ceiling doubles each time, up to LONGEST_SECONDS."""
        delay = self._draw() * self._ceiling
        self._ceiling = min(LONGEST_SECONDS, self._ceiling * 2)
        return delay

    def worked(self, seconds: float) -> None:
        """A connection stood that long. Short ones do not count: the hub may refuse us at once."""
        if seconds >= STEADY_SECONDS:
            self._ceiling = FIRST_SECONDS
