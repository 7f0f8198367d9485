"""One supervised process: spawned, watched, stopped; a small state machine over time."""

import ctypes
import math
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from infra.stack.identity import Identity, identify
from infra.stack.plan import ProcessSpec

PR_SET_PDEATHSIG = 1
LOG_LIMIT_BYTES = 32 * 1024 * 1024
STEADY_SECONDS = 5.0
"""A life longer than this was no failed start."""
PAUSES = (0.0, 0.0, 0.2, 0.5, 1.0, 1.5)
"""Seconds before the n-th start in a row after short lives; the last one repeats."""

_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent(death_signal: int, parent: int) -> Callable[[], None]:
    """Run between fork and exec: the kernel ends the child when its parent is killed."""

    def prepare() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != parent:  # it died before prctl
            os._exit(1)

    return prepare


def open_log(path: Path) -> int:
    """Append to the log; one that grew past the limit is set aside first (one generation)."""
    if path.exists() and path.stat().st_size > LOG_LIMIT_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


class Process:
    """At most one child at a time, made from `spec`; the supervisor calls the methods."""

    def __init__(self, spec: ProcessSpec) -> None:
        self.spec = spec
        self.identity: Identity | None = None
        self.restarts = 0
        self.start_after = 0.0
        self.started_at = 0.0
        self.stop_deadline: float | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._short_lives = 0

    @property
    def is_running(self) -> bool:
        return self._child is not None

    def start(
        self, env: dict[str, str], descriptors: dict[str, int], log: Path, now: float
    ) -> None:
        """Spawn; OSError when the program cannot be executed."""
        variables = env | self.spec.env | {key: str(fd) for key, fd in descriptors.items()}
        output = open_log(log)
        self.started_at = now
        try:
            self._child = subprocess.Popen(
                self.spec.argv,
                env=variables,
                pass_fds=tuple(descriptors.values()),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,
                preexec_fn=_die_with_parent(self.spec.death_signal, os.getpid()),
            )
        finally:
            os.close(output)
        self.identity = identify(self._child.pid)

    def exited(self) -> int | None:
        """The exit status of the child, once: reaps it."""
        if self._child is None or (status := self._child.poll()) is None:
            return None
        self._child = None
        self.identity = None
        return status

    def schedule_restart(self, now: float) -> None:
        """Start again at once; pause (never beyond 2 s) when it keeps dying young."""
        lived = now - self.started_at
        self._short_lives = 0 if lived > STEADY_SECONDS else self._short_lives + 1
        self.start_after = now + PAUSES[min(self._short_lives, len(PAUSES) - 1)]
        self.restarts += 1

    def stop(self, now: float, at_most: float = math.inf) -> None:
        """Ask it to end, and give it the time of its spec (or less)."""
        if self._child is None:
            return
        if self.stop_deadline is None:
            self._child.send_signal(self.spec.stop_signal)
            self.stop_deadline = now + self.spec.stop_seconds
        self.stop_deadline = min(self.stop_deadline, now + at_most)

    def kill_if_late(self, now: float) -> bool:
        if self._child is None or self.stop_deadline is None or now < self.stop_deadline:
            return False
        self._child.send_signal(signal.SIGKILL)
        self.stop_deadline = now + 1.0
        return True
