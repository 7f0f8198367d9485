"""Connecting to a service by name, whichever of its addresses answers."""

import asyncio
import logging
import socket
from urllib.parse import urlsplit

from gateway.http1.connection import Connection
from kit.errors import Unavailable

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 2.0
RESOLVE_SECONDS = 5.0

Address = tuple[str, int]


class Dialer:
    """The addresses behind the host of a URL, used in turn; one that refuses is passed over."""

    def __init__(self, name: str, url: str) -> None:
        parts = urlsplit(url)
        self.name = name
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or 80
        self.host_header = f"{self._host}:{self._port}".encode()
        self._addresses: list[Address] = []
        self._resolved_at = float("-inf")
        self._turn = 0

    async def dial(self) -> Connection:
        """A new connection. Raises Unavailable when no address takes it within 2 s."""
        loop = asyncio.get_running_loop()
        reason: Exception = OSError("no address")
        for host, port in await self._in_turn(loop):
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    _, connection = await loop.create_connection(
                        lambda: Connection(loop), host, port
                    )
                    return connection
            except (OSError, TimeoutError) as error:
                reason = error
        self._resolved_at = float("-inf")
        logger.warning("cannot reach %s: %r", self.name, reason)
        raise Unavailable(f"The {self.name} service does not answer.", retry_after=1) from reason

    async def _in_turn(self, loop: asyncio.AbstractEventLoop) -> list[Address]:
        if loop.time() - self._resolved_at > RESOLVE_SECONDS:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
                self._addresses = [(str(item[4][0]), int(item[4][1])) for item in found]
                self._resolved_at = loop.time()
            except (OSError, TimeoutError) as error:
                logger.warning("cannot resolve %s: %r", self._host, error)
        self._turn += 1
        start = self._turn % max(1, len(self._addresses))
        return self._addresses[start:] + self._addresses[:start]
