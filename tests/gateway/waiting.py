"""Waiting for what happens soon."""

import asyncio
from collections.abc import Awaitable, Callable


async def eventually(holds: Callable[[], Awaitable[bool]], seconds: float = 10) -> None:
    """Returns once it holds; fails when it does not in time."""
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110  (what is waited for is on the other side)
            await asyncio.sleep(0.01)
