"""One thread, one epoll: file descriptors, timers and signals turned into calls.

Level-triggered. A descriptor without a callback is not watched at all, since epoll would go on
reporting its hang-up.
"""

from __future__ import annotations

import heapq
import os
import select
import sys
import time

from agent import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Callback = Callable[[], object]

_READ = select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR
_WRITE = select.EPOLLOUT | select.EPOLLHUP | select.EPOLLERR


class Timer:
    """A call that is due at ``when`` on the loop's clock."""

    __slots__ = ("callback", "when")

    def __init__(self, when: float, callback: Callback) -> None:
        self.when = when
        self.callback: Callback | None = callback

    def cancel(self) -> None:
        """Never call; harmless when it was called already."""
        self.callback = None


class Loop:
    """Runs until ``stop``. A callback that raises is reported and does not end the loop."""

    def __init__(self, report: Callable[[Exception], None] | None = None) -> None:
        self._report = report or _print
        self._epoll = select.epoll()
        self._readers: dict[int, Callback] = {}
        self._writers: dict[int, Callback] = {}
        self._masks: dict[int, int] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._soon: list[Callback] = []
        self._signals: dict[int, Callback] = {}
        self._count = 0
        self._sweep_at = 256
        self._running = False
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.readable(self._wake_read, self._on_signals)

    def now(self) -> float:
        """Seconds on a clock that only grows."""
        return time.monotonic()

    def readable(self, fd: int, callback: Callback | None) -> None:
        """Call whenever ``fd`` can be read; None stops that."""
        _put(self._readers, fd, callback)
        self._update(fd)

    def writable(self, fd: int, callback: Callback | None) -> None:
        """Call whenever ``fd`` can be written; None stops that."""
        _put(self._writers, fd, callback)
        self._update(fd)

    def forget(self, fd: int) -> None:
        """Stop watching; to be called before ``fd`` is closed."""
        self._readers.pop(fd, None)
        self._writers.pop(fd, None)
        self._update(fd)

    def after(self, seconds: float, callback: Callback) -> Timer:
        """Call once, that much later."""
        timer = Timer(self.now() + seconds, callback)
        self._count += 1
        heapq.heappush(self._timers, (timer.when, self._count, timer))
        if len(self._timers) > self._sweep_at:
            self._timers = [entry for entry in self._timers if entry[2].callback is not None]
            heapq.heapify(self._timers)
            self._sweep_at = max(256, 2 * len(self._timers))
        return timer

    def soon(self, callback: Callback) -> None:
        """Call once, after what is under way."""
        self._soon.append(callback)

    def on_signal(self, number: int, callback: Callback) -> None:
        """Call in the loop after a signal came in, once for any number of them."""
        self._signals[number] = callback
        signals.catch(number, self._wake_write)

    def stop(self) -> None:
        """End ``run`` after the callback under way."""
        self._running = False

    def run(self) -> None:
        """Serve until ``stop``."""
        self._running = True
        while self._running:
            self.once()

    def once(self, longest: float = 3600.0) -> None:
        """Wait for something, at most ``longest`` seconds, and handle all that is due."""
        for fd, mask in self._epoll.poll(self._patience(longest)):
            if mask & _READ and (callback := self._readers.get(fd)):
                self._call(callback)
            if mask & _WRITE and (callback := self._writers.get(fd)):
                self._call(callback)
        self._run_timers()
        while self._soon:
            due, self._soon = self._soon, []
            for callback in due:
                self._call(callback)

    def close(self) -> None:
        """Give the descriptors back."""
        signals.release()
        self._epoll.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _patience(self, longest: float) -> float:
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        if self._soon:
            return 0
        if not self._timers:
            return longest
        return min(longest, max(0.0, self._timers[0][0] - self.now()))

    def _run_timers(self) -> None:
        now = self.now()
        while self._timers and self._timers[0][0] <= now:
            callback = heapq.heappop(self._timers)[2].callback
            if callback is not None:
                self._call(callback)

    def _on_signals(self) -> None:
        for number in set(os.read(self._wake_read, 4096)):
            if callback := self._signals.get(number):
                self._call(callback)

    def _update(self, fd: int) -> None:
        mask = (_READ if fd in self._readers else 0) | (_WRITE if fd in self._writers else 0)
        old = self._masks.get(fd, 0)
        if mask == old:
            return
        if not mask:
            del self._masks[fd]
            self._epoll.unregister(fd)
            return
        self._masks[fd] = mask
        if old:
            self._epoll.modify(fd, mask)
        else:
            self._epoll.register(fd, mask)

    def _call(self, callback: Callback) -> None:
        try:
            callback()
        except Exception as error:  # noqa: BLE001 - one bad request must not take all others along
            self._report(error)


def _put(table: dict[int, Callback], fd: int, callback: Callback | None) -> None:
    if callback is None:
        table.pop(fd, None)
    else:
        table[fd] = callback


def _print(error: Exception) -> None:
    import traceback  # costs as much as all else; hardly ever needed

    traceback.print_exception(error, file=sys.stderr)
