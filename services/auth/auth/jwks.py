"""The keys that sign session tokens: fetched, kept, and served stale while Clerk is away."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from auth import pem
from kit.errors import Unauthenticated, Unavailable

logger = logging.getLogger(__name__)

FRESH_SECONDS = 300.0
UNKNOWN_KEY_SECONDS = 30.0
RETRY_SECONDS = 2.0
FETCH_SECONDS = 3.0

Fetch = Callable[[], Awaitable[Mapping[str, Any]]]
"""Gets the JSON Web Key Set. Raises Unavailable."""
Monotonic = Callable[[], float]


class KeySource(Protocol):
    """Where the key of a token comes from: a fetched set, or one configured key."""

    async def key(self, key_id: str) -> RSAPublicKey:
        """The key with that id. Raises Unauthenticated when there is none."""
        ...

    async def refresh_forever(self) -> None:
        """Keeps the keys fresh until it is cancelled."""
        ...


class PemKey:
    """One configured key, whatever the token's key id says (CLERK_JWT_KEY)."""

    def __init__(self, text: str) -> None:
        self._key = pem.load(text)

    async def key(self, key_id: str) -> RSAPublicKey:
        """The key."""
        return self._key

    async def refresh_forever(self) -> None:
        """There is nothing to refresh."""
        await asyncio.Event().wait()


class Jwks:
    """Clerk's key set: fresh for 5 min, served stale when it cannot be fetched.

    An unknown key id causes at most one fetch per 30 s, for however many waiters.
    """

    def __init__(self, fetch: Fetch, monotonic: Monotonic = time.monotonic) -> None:
        self._fetch = fetch
        self._monotonic = monotonic
        self._keys: dict[str, RSAPublicKey] = {}
        self._lock = asyncio.Lock()
        self._tried_at = float("-inf")
        self._asked_at = float("-inf")

    async def key(self, key_id: str) -> RSAPublicKey:
        """The key with that id.

        Raises Unauthenticated when there is none, Unavailable as long as no set was ever fetched.
        """
        if not key_id:
            raise Unauthenticated("token_key_id_missing")
        if key_id not in self._keys:
            await self._ask_again(key_id)
        if key_id in self._keys:
            return self._keys[key_id]
        if not self._keys:
            raise Unavailable(
                "Sessions cannot be checked at the moment.", retry_after=RETRY_SECONDS
            )
        raise Unauthenticated("token_key_unknown")

    async def refresh_forever(self) -> None:
        """Fetches the set before it grows stale; every 2 s while that fails."""
        while True:
            async with self._lock:
                succeeded = await self._refresh()
            await asyncio.sleep(FRESH_SECONDS if succeeded else RETRY_SECONDS)

    async def _ask_again(self, key_id: str) -> None:
        """One fetch for all who wait; none if there was one for an unknown key just now."""
        async with self._lock:
            now = self._monotonic()
            pause = UNKNOWN_KEY_SECONDS if self._keys else RETRY_SECONDS
            if key_id in self._keys or now < self._asked_at + pause:
                return
            if not self._keys and now < self._tried_at + pause:
                return
            self._asked_at = now
            await self._refresh()

    async def _refresh(self) -> bool:
        self._tried_at = self._monotonic()
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                found = _usable(await self._fetch())
        except (Unavailable, TimeoutError) as error:
            logger.warning("Clerk's keys cannot be fetched: %s", type(error).__name__)
            return False
        if not found:
            logger.warning("Clerk's key set holds no usable key")
            return False
        self._keys = found
        return True


def _usable(document: Mapping[str, Any]) -> dict[str, RSAPublicKey]:
    entries = document.get("keys")
    keys = {}
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str):
            continue
        if entry.get("kty") != "RSA" or entry.get("use", "sig") != "sig":
            continue
        if entry.get("alg", "RS256") != "RS256":
            continue
        try:
            keys[entry["kid"]] = pem.usable(jwt.algorithms.RSAAlgorithm.from_jwk(entry))
        except (jwt.InvalidKeyError, ValueError) as error:
            logger.warning("a key of Clerk's is not usable: %s", error)
    return keys
