"""What others tell on Redis, and what is forgotten because of it.

Channels: `insien:auth:revocations` (JSON {"keyId"?, "userId"?}) and `insien:sandbox:events`
(JSON {"sandboxId", …}). Messages may be lost; whenever some may have been, everything is forgotten.
"""

import json
import logging

import redis.asyncio as redis

from gateway.identities import Identities
from gateway.sandboxes import Sandboxes
from kit import bus

logger = logging.getLogger(__name__)

REVOCATIONS = "insien:auth:revocations"
SANDBOX_EVENTS = "insien:sandbox:events"


class News:
    """Listens, and keeps the caches true."""

    def __init__(self, client: "redis.Redis", identities: Identities, sandboxes: Sandboxes) -> None:
        self._client = client
        self._identities = identities
        self._sandboxes = sandboxes

    async def follow(self) -> None:
        """Runs for ever."""
        channels = (REVOCATIONS, SANDBOX_EVENTS)
        await bus.subscribe(self._client, channels, self._hear, self._gap)

    async def _hear(self, channel: str, data: bytes) -> None:
        try:
            message = json.loads(data)
            if channel == REVOCATIONS:
                key, user = message.get("keyId") or "", message.get("userId") or ""
                self._identities.revoke(key_id=str(key), user_id=str(user))
            else:
                self._sandboxes.forget(str(message["sandboxId"]))
        except (ValueError, AttributeError, KeyError, TypeError):
            logger.warning("a message on %s makes no sense", channel)
            self._gap()

    def _gap(self) -> None:
        self._identities.clear()
        self._sandboxes.clear()
