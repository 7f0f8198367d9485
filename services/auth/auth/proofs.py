"""The shared identity cache: which secrets were found right, so that argon2 runs once for each.

Redis keys: `insien:auth:proof:{digest}` → fingerprint of the key's row, for 24 h. The digest is an
HMAC of the whole key under KEY_PEPPER; the fingerprint covers the row's id and hash, so that a
proof lapses when the hash changes. A proof says only that the secret is right: whether the key is
live is read from its row each time, so that no lost message can keep a revoked key alive.
"""

import hashlib
import hmac
from collections.abc import Iterable

from auth.recent import Recent
from auth.soft_redis import SoftRedis
from auth.tables.api_keys import ApiKey
from kit.tokens import derive

TTL_SECONDS = 24 * 3600
REMEMBERED = 10_000


def fingerprint(key: ApiKey) -> str:
    """Names one version of a key's row."""
    return hashlib.sha256(f"{key.id}:{key.key_hash}".encode()).hexdigest()[:32]


class Proofs:
    """Secrets found right (in memory, and in Redis) and wrong (in memory only)."""

    def __init__(self, soft_redis: SoftRedis, pepper: str) -> None:
        self._redis = soft_redis
        self._pepper = derive(pepper, "proof")
        self._right: Recent[str] = Recent(REMEMBERED)
        self._wrong: Recent[frozenset[str]] = Recent(REMEMBERED)

    def digest(self, credential: str) -> str:
        """What stands for the credential here; it cannot be turned back, nor tried offline."""
        return hmac.new(self._pepper, credential.encode(), hashlib.sha256).hexdigest()

    def proven(self, digest: str, keys: Iterable[ApiKey]) -> ApiKey | None:
        """The key whose secret this is, as far as this process remembers."""
        known = self._right.get(digest)
        return next((key for key in keys if fingerprint(key) == known), None)

    async def shared(self, digest: str, keys: Iterable[ApiKey]) -> ApiKey | None:
        """The same, as far as Redis remembers."""
        found = await self._redis.run(lambda client: client.get(_name(digest)), None)
        if isinstance(found, bytes):
            self._right.put(digest, found.decode("ascii", "replace"))
        return self.proven(digest, keys)

    def is_wrong(self, digest: str, keys: Iterable[ApiKey]) -> bool:
        """Whether the secret was found to belong to none of these keys."""
        return self._wrong.get(digest) == frozenset(map(fingerprint, keys))

    async def remember(self, digest: str, key: ApiKey) -> None:
        """The secret is that key's."""
        value = fingerprint(key)
        self._right.put(digest, value)
        await self._redis.run(lambda client: client.set(_name(digest), value, ex=TTL_SECONDS), None)

    def remember_wrong(self, digest: str, keys: Iterable[ApiKey]) -> None:
        """The secret is none of these keys'."""
        self._wrong.put(digest, frozenset(map(fingerprint, keys)))


def _name(digest: str) -> str:
    return f"insien:auth:proof:{digest}"
