"""Keeps a connection to the hub, for ever, or until it is told that there is nothing to keep."""

from __future__ import annotations

import os
import sys
from _socket import AF_INET, AF_INET6, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM, inet_pton, socket

from agent.errors import Violation
from agent.link.connection import Connection, ConnectionLost, in_progress
from agent.link.handshake import Handshake, HandshakeRefused
from agent.link.session import PING_SECONDS, Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.link.backoff import Backoff
    from agent.link.handshake import Url
    from agent.link.session import Opener, Standing
    from agent.loop import Loop, Timer

    Resolve = Callable[[str, Callable[[str], None]], None]


SILENT_PINGS = 3
DRAIN_SECONDS = 10.0
"""How long a draining hub may finish streams beyond its own delay."""


class Dialer:
    """``opener`` serves the streams; ``resolve`` turns a name into an address, "" if it cannot."""

    def __init__(self, loop: Loop, url: Url, token: str, backoff: Backoff) -> None:
        self._loop, self._url, self._token, self._backoff = loop, url, token, backoff
        self._connection: Connection | None = None
        self._session: Session | None = None
        self._opener: Opener | None = None
        self._standing: Standing | None = None
        self._resolve: Resolve | None = None
        self._dial_again = True
        self._leaving = False
        self._heard_at = self._opened_at = self._not_before = 0.0
        self._watchdog: Timer | None = None

    def start(self, standing: Standing, opener: Opener, resolve: Resolve) -> None:
        """Dial now."""
        self._standing, self._opener, self._resolve = standing, opener, resolve
        self._dial()

    def stop(self) -> None:
        """Say goodbye and do not dial again."""
        self._dial_again = False
        if self._connection is not None:
            self._connection.close(1001, "the agent stops")

    def opened(self) -> None:
        """The handshake is done: say who we are."""
        assert self._connection is not None
        assert self._standing is not None
        assert self._opener is not None
        self._opened_at = self._loop.now()
        self._session = Session(self._connection, self._standing, self._opener, self._loop.soon)

    def message(self, data: bytes) -> None:
        """Raises MalformedFrame or Violation."""
        if self._session is None:
            raise Violation("a message before the handshake is done")
        self._heard_at = self._loop.now()
        self._session.receive(data)
        if self._session.goodbye is not None and not self._leaving:
            self._leave(self._session.goodbye.reason, self._session.goodbye.delay_ms / 1000)

    def drained(self) -> None:
        """There is room for bulk data again."""
        if self._session is not None:
            self._session.pump()

    def closed(self, why: Exception) -> None:
        """The connection is over: dial again, unless told otherwise."""
        session, self._session, self._connection = self._session, None, None
        if self._watchdog is not None:
            self._watchdog.cancel()
        if session is not None:
            session.lose()
            if session.welcomed:
                self._backoff.worked(self._loop.now() - self._opened_at)
        if isinstance(why, HandshakeRefused) and why.status == 410:
            self._dial_again = False
        self._say(f"disconnected: {why}")
        if not self._dial_again:
            return
        wait = max(self._backoff.next(), self._not_before - self._loop.now())
        if isinstance(why, HandshakeRefused):
            wait = max(wait, why.retry_after)
        self._loop.after(wait, self._dial)

    def _dial(self) -> None:
        self._leaving = False
        assert self._resolve is not None
        host = self._url.host
        if _family(host) is None:
            self._resolve(host, self._connect)
        else:
            self._connect(host)

    def _connect(self, address: str) -> None:
        if not self._dial_again:
            return
        family = _family(address)
        if family is None:
            self.closed(ConnectionLost("the hub's name has no address"))
            return
        try:
            sock = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)
            error = sock.connect_ex((address, self._url.port))
        except OSError as failed:
            self.closed(failed)
            return
        if not in_progress(error):
            sock.close()
            self.closed(OSError(error, os.strerror(error)))
            return
        self._heard_at = self._loop.now()
        handshake = Handshake(self._url, self._token, os.urandom)
        self._connection = Connection(self._loop, sock, handshake, self)
        self._watch()

    def _watch(self) -> None:
        """Close a connection that is silent for too long, the handshake included."""
        connection, session = self._connection, self._session
        if connection is None:
            return
        ping = session.ping_seconds if session is not None else PING_SECONDS
        left = self._heard_at + SILENT_PINGS * ping - self._loop.now()
        if left <= 0:
            connection.close(1001, "nothing heard")
            return
        # Welcome may shorten the interval: look again soon while it is not known.
        if session is None or not session.welcomed:
            left = min(left, 0.5)
        self._watchdog = self._loop.after(left, self._watch)

    def _leave(self, reason: str, delay: float) -> None:
        self._leaving = True
        self._say(f"the hub said goodbye: {reason[:100]}")
        if reason != "draining":
            self._dial_again = False
            assert self._connection is not None
            self._connection.close(1000, reason[:100])
            return
        delay = min(delay, 60.0)
        self._not_before = self._loop.now() + delay
        self._loop.after(delay, self._leave_when_idle)

    def _leave_when_idle(self) -> None:
        if self._connection is None or self._session is None or not self._leaving:
            return
        if self._session.streams and self._loop.now() < self._not_before + DRAIN_SECONDS:
            self._loop.after(0.1, self._leave_when_idle)
            return
        self._connection.close(1001, "draining")

    def _say(self, text: str) -> None:
        sys.stderr.write(f"insien-agent: {text}\n")


def _family(address: str) -> int | None:
    for family in (AF_INET, AF_INET6):
        try:
            inet_pton(family, address)
        except OSError:
            continue
        return int(family)
    return None
