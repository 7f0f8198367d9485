"""Telling everyone that a credential has ended.

Redis channel `insien:auth:revocations`: `{"keyId"}` when a key was revoked or rotated, `{"userId"}`
when a user is gone. It may be lost: caches of identities live 5 s at most.
"""

import json
from collections.abc import Iterable

from auth.soft_redis import SoftRedis

CHANNEL = "insien:auth:revocations"


class Revocations:
    """Publishes; after the transaction that made it true, never before."""

    def __init__(self, soft_redis: SoftRedis) -> None:
        self._redis = soft_redis

    async def keys(self, key_ids: Iterable[str]) -> None:
        """These keys have ended, or end sooner than they said."""
        for key_id in key_ids:
            await self._publish({"keyId": key_id})

    async def user(self, user_id: str) -> None:
        """Everything of this user has ended."""
        await self._publish({"userId": user_id})

    async def _publish(self, message: dict[str, str]) -> None:
        text = json.dumps(message)
        await self._redis.insist(lambda client: client.publish(CHANNEL, text), None)
