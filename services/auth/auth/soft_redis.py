"""Redis for what may be missing: a short deadline, and no waiting while it is down."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import redis.asyncio as redis

logger = logging.getLogger(__name__)

DEADLINE_SECONDS = 0.25
PAUSE_SECONDS = 1.0

T = TypeVar("T")


class SoftRedis:
    """Commands that are given up after a deadline; after a failure none is tried for 1 s."""

    def __init__(self, client: "redis.Redis", deadline: float = DEADLINE_SECONDS) -> None:
        self._client = client
        self._deadline = deadline
        self._down_until = 0.0

    async def run(self, command: Callable[["redis.Redis"], Awaitable[T]], otherwise: T) -> T:
        """The command's answer, or `otherwise` when Redis does not give one in time."""
        if time.monotonic() < self._down_until:
            return otherwise
        return await self.insist(command, otherwise)

    async def insist(self, command: Callable[["redis.Redis"], Awaitable[T]], otherwise: T) -> T:
        """The same, tried even right after a failure."""
        try:
            async with asyncio.timeout(self._deadline):
                return await command(self._client)
        except (redis.RedisError, OSError, TimeoutError) as error:
            self._down_until = time.monotonic() + PAUSE_SECONDS
            logger.warning("going on without Redis: %s", type(error).__name__)
            return otherwise
