"""Collects every child that ends: ours, and, as PID 1, everybody's orphans."""

from __future__ import annotations

import os

from agent import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.loop import Loop


class Reaper:
    """Calls back with a wait status for pids that were expected."""

    def __init__(self, loop: Loop) -> None:
        self._expected: dict[int, Callable[[int], None]] = {}
        loop.on_signal(signals.CHLD, self._reap)

    def expect(self, pid: int, ended: Callable[[int], None]) -> None:
        """To be called in the same callback that forked."""
        self._expected[pid] = ended

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            ended = self._expected.pop(pid, None)
            if ended is not None:
                ended(status)
