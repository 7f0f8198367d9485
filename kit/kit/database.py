"""A PostgreSQL pool that waits for its server, and says so while it does."""

import asyncio
import logging

import asyncpg

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1.0


async def connect(url: str, *, schema: str, size: int = 10) -> asyncpg.Pool:
    """A pool whose connections see `schema` first; retries once a second until the server answers.

    Statements end after 30 s on the server's side, so that no request holds a connection for ever.
    """
    while True:
        try:
            return await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=size,
                timeout=5,
                command_timeout=30,
                server_settings={"search_path": schema, "application_name": f"insien-{schema}"},
            )
        except (OSError, TimeoutError, asyncpg.PostgresError) as error:
            logger.warning("waiting for PostgreSQL: %s", error)
            await asyncio.sleep(RETRY_SECONDS)
