"""One small GET, read whole: for the gateway's own questions."""

import asyncio

from gateway.http1.connection import Lost
from gateway.http1.pool import Pool

MAX_BYTES = 64 * 1024


async def get(pool: Pool, host: bytes, path: bytes, *, seconds: float) -> tuple[int, bytes]:
    """Status and body. Raises Unavailable, Lost, or TimeoutError when time is up."""
    async with asyncio.timeout(seconds):
        connection = await pool.acquire()
        try:
            connection.start(b"GET %s HTTP/1.1\r\nhost: %s\r\n\r\n" % (path, host))
            status = await connection.answered()
            body = b""
            while data := await connection.body():
                body += data
                if len(body) > MAX_BYTES:
                    raise Lost("the answer is too large", unanswered=False)
            return status, body
        finally:
            pool.release(connection)
