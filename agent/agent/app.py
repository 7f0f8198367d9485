"""Puts the agent together and runs it; the only place that names concrete parts."""

from __future__ import annotations

import os
import sys

from agent import signals
from agent.configuration import Configuration
from agent.link.backoff import Backoff
from agent.link.dialer import Dialer
from agent.link.resolver import resolve
from agent.link.session import Standing
from agent.loop import Loop
from agent.processes.requests import ProcessRequests
from agent.processes.table import ProcessTable
from agent.reaper import Reaper
from agent.routes import Routes
from agent.users import Users

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agent.settings import Settings

GRACE_SECONDS = 5.0
"""Between SIGTERM and SIGKILL when the sandbox stops."""


class App:
    """One agent."""

    def __init__(self, settings: Settings, env: Mapping[str, str]) -> None:
        self.loop = Loop()
        began = self.loop.now()
        self._reaper = Reaper(self.loop)
        self._configuration = Configuration(Users(), env, settings.user, settings.workdir)
        self._table = ProcessTable(self.loop, self._reaper, self._configuration)
        self._dialer = Dialer(self.loop, settings.url, settings.token, Backoff(_fraction))
        self._standing = Standing(
            os.urandom(16),
            uptime=lambda: int((self.loop.now() - began) * 1000),
            configured=lambda: self._configuration.generation,
        )
        self._stopping = False

    def run(self) -> int:
        """Until SIGTERM; the exit code."""
        os.umask(0o022)
        for number in (signals.TERM, signals.INT):
            self.loop.on_signal(number, self._stop)
        processes = ProcessRequests(self.loop, self._table)
        routes = Routes(self.loop, self._reaper, self._configuration, processes)
        self._dialer.start(self._standing, routes.open, self._resolve)
        self.loop.run()
        self.loop.close()
        return 0

    def _resolve(self, name: str, answer: Callable[[str], None]) -> None:
        resolve(self.loop, name, answer)

    def _stop(self) -> None:
        """End all processes, and then ourselves."""
        if self._stopping:
            self.loop.stop()
            return
        self._stopping = True
        self._dialer.stop()
        self._signal(signals.TERM)
        self._end_when_alone(self.loop.now() + GRACE_SECONDS)

    def _end_when_alone(self, deadline: float) -> None:
        if not self._table.signal_all(0):
            self.loop.stop()
        elif self.loop.now() >= deadline:
            self._signal(signals.KILL)
            self.loop.stop()
        else:
            self.loop.after(0.02, lambda: self._end_when_alone(deadline))

    def _signal(self, number: int) -> None:
        self._table.signal_all(number)
        if os.getpid() == 1:
            try:
                os.kill(-1, number)
            except OSError as error:
                sys.stderr.write(f"insien-agent: {error}\n")


def _fraction() -> float:
    return int.from_bytes(os.urandom(4), "big") / (1 << 32)
