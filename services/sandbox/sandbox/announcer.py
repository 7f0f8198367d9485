"""Tells whoever listens what happens to sandboxes.

Redis channel `insien:sandbox:events`: JSON `{"sandboxId","userId","type","state","at"}`, a message
for each event of the lifecycle log. Messages may be lost (Redis down, or more than 1,000 waiting:
the oldest are dropped); the log is the truth.
"""

import asyncio
import json
import logging
from collections import deque
from datetime import UTC, datetime

import redis.asyncio as redis

from sandbox.models import Sandbox

logger = logging.getLogger(__name__)

CHANNEL = "insien:sandbox:events"
MOST_WAITING = 1000
RETRY_SECONDS = 1.0


class Announcer:
    """A queue in front of Redis, so that nobody waits for it."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client
        self._waiting: deque[str] = deque(maxlen=MOST_WAITING)
        self._some = asyncio.Event()

    def announce(self, sandbox: Sandbox, event: str) -> None:
        """Sends soon, or never."""
        message = {
            "sandboxId": str(sandbox.id),
            "userId": str(sandbox.user_id) if sandbox.user_id else "",
            "type": event,
            "state": sandbox.state,
            "at": datetime.now(UTC).isoformat(),
        }
        self._waiting.append(json.dumps(message))
        self._some.set()

    async def run(self) -> None:
        """Sends what waits, for ever."""
        while True:
            await self._some.wait()
            self._some.clear()
            try:
                await self._send()
            except (redis.RedisError, OSError, TimeoutError) as error:
                logger.warning("cannot publish: %s", error)
                self._some.set()
                await asyncio.sleep(RETRY_SECONDS)

    async def _send(self) -> None:
        while self._waiting:
            message = self._waiting[0]
            await self._client.publish(CHANNEL, message)
            if self._waiting and self._waiting[0] is message:
                self._waiting.popleft()
