"""Connections to PostgreSQL; when there are none, that is said as `Unavailable`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias

import asyncpg

from kit.errors import Unavailable

if TYPE_CHECKING:
    Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

ACQUIRE_SECONDS = 5.0

_GONE = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InternalClientError,  # the server is saying goodbye on this very connection
)


class Database:
    """A pool of connections whose failures are ours."""

    def __init__(self, pool: "asyncpg.Pool") -> None:
        self.pool = pool

    @asynccontextmanager
    async def connection(self) -> "AsyncIterator[Connection]":
        """One connection. Raises Unavailable when the server does not answer."""
        try:
            async with self.pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
                yield connection
        except _GONE as error:
            raise Unavailable("The database does not answer.", retry_after=2) from error

    @asynccontextmanager
    async def transaction(self) -> "AsyncIterator[Connection]":
        """One connection in a transaction that is undone by any exception."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def check(self) -> None:
        """Raises when the server does not answer."""
        async with self.connection() as connection:
            await connection.fetchval("SELECT 1")
