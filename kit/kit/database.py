"""A PostgreSQL pool that waits for its server, and says so while it does."""

import asyncio
import logging

import asyncpg

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1.0


async def connect(url: str, *, schema: str, size: int = 10) -> asyncpg.Pool:
    """A pool whose connections see `schema` first; retries once a second until the server answers.

    Statements end after 30 s on the server's side, so that no request holds a connection for ever.
    A connection that is given back is rolled back if need be, and nothing else: asking the server
    to reset it would cost as much as a query. Whoever changes more than a transaction (an advisory
    lock of the session) undoes it.
    """
    while True:
        try:
            return await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=size,
                timeout=5,
                command_timeout=30,
                reset=_leave_as_is,
                server_settings={"search_path": schema, "application_name": f"insien-{schema}"},
            )
        except (OSError, TimeoutError, asyncpg.PostgresError) as error:
            logger.warning("waiting for PostgreSQL: %s", error)
            await asyncio.sleep(RETRY_SECONDS)


async def _leave_as_is(connection: asyncpg.Connection) -> None:
    """Instead of the library's own query."""
