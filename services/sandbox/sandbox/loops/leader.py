"""One leader among the replicas: who holds a PostgreSQL advisory lock on a living connection."""

import asyncio
import contextlib
import logging
import zlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import asyncpg

from kit.errors import Failure
from sandbox.repository.database import Database

if TYPE_CHECKING:
    from sandbox.repository.database import Connection

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
PING_SECONDS = 1.0
LOCK = zlib.crc32(b"insien:sandbox:leader")


async def lead(database: Database, work: Callable[[], Awaitable[None]]) -> None:
    """Runs the work whenever, and as long as, this process leads.

    A leader that dies loses its connection, and with it the lock. One that loses only the
    connection stops its work within a second or so; what it still does meanwhile is harmless,
    because every write of state names what it expects.
    """
    while True:
        try:
            async with database.connection() as connection:
                if await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):
                    logger.info("leading")
                    try:
                        await _while_connected(connection, work)
                    finally:
                        # The lock goes with the connection, which may have gone by itself.
                        with contextlib.suppress(asyncpg.InterfaceError):
                            connection.terminate()
        except Failure as error:
            logger.warning("not leading: %s", error)
        await asyncio.sleep(RETRY_SECONDS)


async def _while_connected(connection: "Connection", work: Callable[[], Awaitable[None]]) -> None:
    working = asyncio.ensure_future(work())
    try:
        while not working.done():
            await connection.fetchval("SELECT 1")
            await asyncio.wait({working}, timeout=PING_SECONDS)
        working.result()
    finally:
        working.cancel()
        await asyncio.wait({working})
