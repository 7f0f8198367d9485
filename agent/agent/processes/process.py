"""One process from its start to the last byte of its output."""

from __future__ import annotations

import os
import time

from agent import signals
from agent.errors import Refused
from agent.processes.hold import held_until
from agent.processes.spawn import resize
from agent.processes.standard_input import StandardInput
from agent.schema import Exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from agent.loop import Loop, Timer
    from agent.processes.hold import Reader
    from agent.processes.output import OutputLog
    from agent.processes.spawn import Plan, Spawned
    from agent.schema import TerminalSize

    class Follower(Protocol):
        """Whoever reads the output."""

        reader: Reader

        def started(self) -> None:
            """The program runs."""

        def failed(self, why: Refused) -> None:
            """It could not be started; the process is forgotten."""

        def wake(self) -> None:
            """There is more output, or the end."""


READ_BYTES = 64 << 10
KILL_SECONDS = 5.0
SILENCE_SECONDS = 1.0
"""How long a pipe that somebody else still holds may be silent after the process has ended."""
DRAIN_SECONDS = 5.0
"""… and how long it may go on in all before the end is told."""


class Process:
    """``done`` is called once its end is known and its output is drained."""

    def __init__(self, loop: Loop, process_id: str, digest: bytes, log: OutputLog) -> None:
        self.id, self.digest, self.log = process_id, digest, log
        self.command = self.cwd = self.user = ""
        self.pid = 0
        self.started_at_ms = int(time.time() * 1000)
        self.terminal = self.confirmed = self.finished = False
        self.exit: Exit | None = None
        self.followers: list[Follower] = []
        self.stdin: StandardInput | None = None
        self.done: Callable[[Process, Refused | None], None] = lambda *_: None
        self._loop = loop
        self._began = loop.now()
        self._outputs: dict[int, int] = {}
        self._status = -1
        self._timed_out = self._held = False
        self._timers: list[Timer] = []
        self._silence: Timer | None = None
        self._hold_timer: Timer | None = None
        self._drain_until = 0.0

    def begin(self, spawned: Spawned, plan: Plan, timeout: float) -> None:
        """It is forked: watch it."""
        self.pid, self._status = spawned.pid, spawned.status
        self._outputs = spawned.outputs
        self.terminal, self.user = plan.size is not None, plan.user.name
        if spawned.stdin >= 0:
            self.stdin = StandardInput(self._loop, spawned.stdin, self.terminal)
        self._loop.readable(self._status, self._confirm)
        if timeout:
            self._timers.append(self._loop.after(timeout, self._time_up))

    def signal(self, number: int) -> None:
        """To the whole group. Raises Refused when nothing of it is left."""
        # A number is not given out again while a group has it: another process with it means
        # that the group is gone.
        if not self.pid or (self.exit is not None and os.path.exists(f"/proc/{self.pid}")):
            raise Refused("process_not_found", "the process has ended")
        try:
            try:
                os.killpg(self.pid, number)
            except ProcessLookupError:
                if self.exit is not None:
                    raise
                os.kill(self.pid, number)  # it has not made its group yet
        except ProcessLookupError as error:
            raise Refused("process_not_found", "the process has ended") from error
        except OSError as error:
            raise Refused("permission_denied", "the process may not be signalled") from error

    def kill(self) -> None:
        """SIGKILL, if there is anything left to kill."""
        try:
            self.signal(signals.KILL)
        except Refused:
            return

    def resize(self, size: TerminalSize) -> None:
        """Raises Refused."""
        if not self.terminal or not self._outputs:
            raise Refused("invalid_argument", "the process has no terminal")
        resize(next(iter(self._outputs)), size)

    def ended(self) -> Exit | None:
        """How it ended, with the length of its log by now."""
        if self.exit is not None:
            self.exit.end_offset = self.log.next
        return self.exit

    def progress(self) -> None:
        """A follower got on, came or left: go on reading if it was what held us."""
        if self._held:
            self._hold()

    def reaped(self, status: int) -> None:
        """The process has ended; its output may not have."""
        if self._status >= 0:
            self._confirm()
        code = os.waitstatus_to_exitcode(status)
        if not self._timed_out:
            for timer in self._timers:
                timer.cancel()
        self.exit = Exit(
            code=code if code >= 0 else 128 - code,
            signal=signals.name(-code) if code < 0 else "",
            timed_out=self._timed_out,
            duration_ms=int((self._loop.now() - self._began) * 1000),
        )
        self._drain_until = self._loop.now() + DRAIN_SECONDS
        if self.stdin is not None:
            self.stdin.abandon()
        for fd in list(self._outputs):
            self._read(fd)
        if self._outputs:
            self._silence = self._loop.after(SILENCE_SECONDS, self._silent)
        self._finish_when_drained()

    def _confirm(self) -> None:
        """The status pipe is closed by exec, or says what went wrong."""
        try:
            text = os.read(self._status, 4096)
        except BlockingIOError:
            return
        self._loop.forget(self._status)
        os.close(self._status)
        self._status = -1
        if text:
            field, _, detail = text.decode("utf-8", "replace").partition("\0")
            self._fail(Refused("invalid_argument", detail, field))
            return
        self.confirmed = True
        self._watch(True)
        for follower in list(self.followers):
            follower.started()

    def _fail(self, why: Refused) -> None:
        self.finished = True
        for fd in list(self._outputs):
            self._close(fd)
        if self.stdin is not None:
            self.stdin.abandon()
        self.done(self, why)
        for follower in list(self.followers):
            follower.failed(why)

    def _read(self, fd: int) -> None:
        try:
            data = os.read(fd, READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""  # a terminal whose last program has gone
        if not data:
            if self.terminal and self.exit is None:
                # Closing our end hangs up, and SIGHUP would change how a process that is just
                # exiting is seen to end: wait until it is reaped.
                self._loop.readable(fd, None)
                return
            self._close(fd)
            self._finish_when_drained()
            return
        before, now = self.log.next, self._loop.now()
        self.log.append(self._outputs[fd], data)
        for follower in self.followers:
            follower.reader.written(before, now)
            follower.wake()
        if self._silence is not None and now < self._drain_until:
            self._silence.cancel()
            self._silence = self._loop.after(SILENCE_SECONDS, self._silent)
        self._hold()

    def _hold(self) -> None:
        """Read on, or wait for the followers."""
        readers = [follower.reader for follower in self.followers]
        now = self._loop.now()
        until = held_until(readers, self.log.next, now)
        if until and self._hold_timer is None:
            self._hold_timer = self._loop.after(until - now, self._hold_over)
        if bool(until) is not self._held:
            self._held = bool(until)
            self._watch(not self._held)

    def _hold_over(self) -> None:
        self._hold_timer = None
        self._hold()

    def _watch(self, wanted: bool) -> None:
        for fd in self._outputs:
            self._loop.readable(fd, self._reader(fd) if wanted else None)

    def _reader(self, fd: int) -> Callable[[], None]:
        return lambda: self._read(fd)

    def _close(self, fd: int) -> None:
        del self._outputs[fd]
        self._loop.forget(fd)
        if self.terminal and self.stdin is not None:
            self.stdin.abandon()
        os.close(fd)

    def _silent(self) -> None:
        if self._held:
            self._silence = self._loop.after(SILENCE_SECONDS, self._silent)
            return
        self._silence = None
        self._finish()

    def _finish_when_drained(self) -> None:
        if self.exit is not None and not self._outputs:
            self._finish()

    def _finish(self) -> None:
        if self.finished:
            return
        self.finished = True
        if self._silence is not None:
            self._silence.cancel()
        self.done(self, None)
        for follower in list(self.followers):
            follower.wake()

    def _time_up(self) -> None:
        self._timed_out = True
        self._timers.append(self._loop.after(KILL_SECONDS, self.kill))
        try:
            self.signal(signals.TERM)
        except Refused:
            return
