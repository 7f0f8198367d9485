"""Connections to one upstream, kept open between requests."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from gateway.http1.connection import Connection
from kit.errors import Unavailable

IDLE_SECONDS = 4.0
"""Less than the 5 s after which the servers behind close an idle connection."""
AGE_SECONDS = 60.0
"""Then a connection is replaced, so that new replicas get their share."""
WAIT_SECONDS = 10.0

Dial = Callable[[], Awaitable[Connection]]
"""Opens a connection, or raises the failure that the caller is to see."""


class Pool:
    """At most `size` connections; a request that finds all in use waits its turn, at most 10 s."""

    def __init__(
        self, name: str, dial: Dial, size: int = 256, idle_seconds: float = IDLE_SECONDS
    ) -> None:
        self.name = name
        self._dial = dial
        self._size = size
        self._idle_seconds = idle_seconds
        self._open = 0
        self._idle: deque[Connection] = deque()
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def acquire(self, *, fresh: bool = False) -> Connection:
        """A connection that nobody uses, a new one when `fresh`. Raises Unavailable."""
        loop = asyncio.get_running_loop()
        while True:
            now = loop.time()
            while self._idle and not fresh:
                connection = self._idle.pop()
                expired = now - connection.idle_since > self._idle_seconds
                if not connection.closed and not expired:
                    return connection
                self._discard(connection)
            if fresh and self._idle and self._open >= self._size:
                self._discard(self._idle.popleft())
            if self._open < self._size:
                self._open += 1
                try:
                    return await self._dial()
                except BaseException:
                    self._open -= 1
                    self._next()
                    raise
            await self._turn_comes(loop)

    def release(self, connection: Connection) -> None:
        """Takes a connection back: kept when it can carry another request, closed otherwise."""
        now = asyncio.get_running_loop().time()
        if connection.release() and now - connection.born < AGE_SECONDS:
            connection.idle_since = now
            self._idle.append(connection)
        else:
            self._discard(connection)
        if self._waiting:
            self._next()

    def sweep(self) -> None:
        """Closes what has been idle for too long; to be called every second."""
        now = asyncio.get_running_loop().time()
        while self._idle and (
            self._idle[0].closed or now - self._idle[0].idle_since > self._idle_seconds
        ):
            self._discard(self._idle.popleft())

    @property
    def unused(self) -> bool:
        """Whether nothing is open and nobody waits."""
        return self._open == 0 and not self._waiting

    def close(self) -> None:
        """Closes the idle connections."""
        while self._idle:
            self._discard(self._idle.pop())

    def _discard(self, connection: Connection) -> None:
        self._open -= 1
        connection.close()

    def _next(self) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    async def _turn_comes(self, loop: asyncio.AbstractEventLoop) -> None:
        if len(self._waiting) >= 4 * self._size:
            raise Unavailable(f"Too many requests wait for {self.name}.", retry_after=1)
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiting.append(waiter)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._next()
            raise
        except TimeoutError:
            raise Unavailable(f"All connections to {self.name} are busy.", retry_after=1) from None
