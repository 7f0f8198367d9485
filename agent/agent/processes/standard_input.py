"""A process's standard input: bytes in order, written as fast as the process reads."""

from __future__ import annotations

import os
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from agent.loop import Loop

    class Writer(Protocol):
        """Whose bytes they are."""

        def written(self, count: int) -> None:
            """That many of your bytes are in the pipe."""

        def broken(self) -> None:
            """Nobody will read the rest."""


END_OF_TRANSMISSION = b"\x04"


class StandardInput:
    """Holds what its writers were granted, no more. Owns ``fd`` unless it is a terminal's."""

    def __init__(self, loop: Loop, fd: int, terminal: bool) -> None:
        self._loop, self._fd, self._terminal = loop, fd, terminal
        self._queue: deque[tuple[memoryview, Writer | None]] = deque()
        self._ending = False

    @property
    def open(self) -> bool:
        """More may be fed."""
        return self._fd >= 0 and not self._ending

    def feed(self, data: bytes, writer: Writer | None = None) -> None:
        """Write that after what was fed before."""
        if data and self.open:
            self._queue.append((memoryview(data), writer))
            self._write()

    def finish(self) -> None:
        """No more will come: end the process's input after what is queued."""
        if self._terminal:
            self.feed(END_OF_TRANSMISSION)
        elif self.open:
            self._ending = True
            self._write()

    def abandon(self) -> None:
        """The process is gone."""
        if self._fd < 0:
            return
        self._loop.writable(self._fd, None)
        if not self._terminal:
            os.close(self._fd)
        self._fd = -1
        queue, self._queue = self._queue, deque()
        for writer in {id(writer): writer for _, writer in queue if writer is not None}.values():
            writer.broken()

    def _write(self) -> None:
        while self._queue:
            data, writer = self._queue[0]
            try:
                count = os.write(self._fd, data)
            except BlockingIOError:
                self._loop.writable(self._fd, self._write)
                return
            except OSError:
                self.abandon()
                return
            if count == len(data):
                self._queue.popleft()
            else:
                self._queue[0] = (data[count:], writer)
            if writer is not None:
                writer.written(count)
        self._loop.writable(self._fd, None)
        if self._ending:
            self.abandon()
