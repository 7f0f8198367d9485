"""Whether and when a failed call is sent again.

Sent again are: calls that never arrived (connection refused), answers 503 (the API promises
that they are safe to repeat), and calls that do no harm when done twice whose connection was
lost. Nothing else. Waiting grows from 0.1 s, doubled each time up to 2 s, with full jitter
(https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), never shorter than
`Retry-After`, and ends `budget` seconds after the first failure.
"""

import random
import time
from collections.abc import Callable

import httpx

from insien.errors import ConnectionLost, InsienError, Unavailable

FIRST_SECONDS = 0.1
LONGEST_SECONDS = 2.0

NEVER_ARRIVED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Retry:
    """The tries of one call. `after` says how long to wait, or raises the error."""

    def __init__(
        self, budget: float, repeatable: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._budget = budget
        self._repeatable = repeatable
        self._clock = clock
        self._deadline: float | None = None
        self._tries = 0

    def after(self, error: httpx.TransportError | InsienError) -> float:
        """Seconds to wait before the next try; raises when there is to be none."""
        final = as_insien_error(error)
        if not self._may_repeat(error):
            raise final from error
        now = self._clock()
        if self._deadline is None:
            self._deadline = now + self._budget
        wait = self._wait(final)
        if now + wait > self._deadline:
            raise final from error
        return wait

    def succeeded(self) -> None:
        """Something arrived: the next failure begins a new count."""
        self._deadline = None
        self._tries = 0

    def _may_repeat(self, error: Exception) -> bool:
        if isinstance(error, InsienError):
            return isinstance(error, Unavailable)
        if isinstance(error, httpx.UnsupportedProtocol):
            return False
        return self._repeatable or isinstance(error, NEVER_ARRIVED)

    def _wait(self, error: InsienError) -> float:
        longest = min(LONGEST_SECONDS, FIRST_SECONDS * 2**self._tries)
        self._tries += 1
        jittered = random.uniform(longest / 4, longest)
        return max(jittered, error.problem.retry_after or 0.0)


def as_insien_error(error: httpx.TransportError | InsienError) -> InsienError:
    if isinstance(error, InsienError):
        return error
    return ConnectionLost(f"No answer from the server: {str(error) or type(error).__name__}.")
