"""From an API key to the identity it stands for.

The order is the cheapest first: form (no I/O), row by the public prefix, proof of the secret from
the cache, limit of wrong secrets, argon2. An unknown prefix goes the same way as a known one.
"""

import logging
from dataclasses import dataclass

from auth import key_format
from auth.attempts import Attempts
from auth.audit import SYSTEM, Audit, Event
from auth.batches import Batches
from auth.clock import Clock
from auth.hashing import HashingPool
from auth.identity import Identity
from auth.key_format import KeyForm
from auth.keyed_locks import KeyedLocks
from auth.last_used import LastUsed
from auth.proofs import Proofs
from auth.tables import api_keys
from auth.tables.api_keys import ApiKey, HeldKey
from auth.tables.connection import Pool
from kit.errors import RateLimited, Unauthenticated

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class VerifierTools:
    """What verifying keys needs."""

    pool: Pool
    hashing: HashingPool
    proofs: Proofs
    attempts: Attempts
    last_used: LastUsed
    audit: Audit
    clock: Clock


@dataclass(frozen=True, slots=True)
class _Presented:
    secret: str
    form: KeyForm
    digest: str
    address: str
    held: list[HeldKey]

    @property
    def keys(self) -> list[ApiKey]:
        return [held.key for held in self.held]


class KeyVerifier:
    """Verifies keys. `legacy` tells whether any key of the earlier product was taken over."""

    def __init__(self, tools: VerifierTools, *, legacy: bool) -> None:
        self._tools = tools
        self._legacy = legacy
        self._locks = KeyedLocks()
        self._rows = Batches(lambda prefixes: api_keys.by_prefixes(tools.pool, prefixes))

    async def verify(self, credential: str, address: str) -> Identity:
        """Who holds the key.

        Raises Unauthenticated when nobody does, RateLimited after too many wrong secrets,
        Unavailable when too many unknown secrets are being checked.
        """
        form = key_format.parse(credential)
        if form.legacy and not self._legacy:
            raise Unauthenticated("key_unknown")
        held = await self._candidates(form, credential)
        digest = self._tools.proofs.digest(credential)
        presented = _Presented(credential, form, digest, address, held)
        key = self._tools.proofs.proven(digest, presented.keys)
        if key is None:
            key = await self._prove(presented)
        return self._admit(next(one for one in held if one.key.id == key.id))

    async def _candidates(self, form: KeyForm, credential: str) -> list[HeldKey]:
        """The keys that a presented one could be, read now, by the public part alone."""
        if form.legacy:
            return await api_keys.legacy_candidates(self._tools.pool, credential)
        held = await self._rows.get(form.prefix)
        return [held] if held else []

    def _admit(self, held: HeldKey) -> Identity:
        key, now = held.key, self._tools.clock()
        if held.holder_deleted:
            raise Unauthenticated("user_deleted")
        if key.revoked_at is not None:
            raise Unauthenticated("key_revoked")
        if key.expires_at is not None and key.expires_at <= now:
            raise Unauthenticated("key_expired")
        self._tools.last_used.touch(key.id)
        return Identity(
            user_id=key.user_id,
            clerk_id=held.clerk_id,
            scopes=key.scopes,
            expires_at=key.expires_at,
            key_id=key.id,
            key_prefix=key.prefix,
        )

    async def _prove(self, presented: _Presented) -> ApiKey:
        proofs, keys = self._tools.proofs, presented.keys
        if proofs.is_wrong(presented.digest, keys):
            raise Unauthenticated("key_secret_wrong")
        if key := await proofs.shared(presented.digest, keys):
            return key
        # One at a time for each prefix, so that many tries at once cannot pass the limit together.
        async with self._locks.hold(presented.form.prefix):
            if key := proofs.proven(presented.digest, keys):
                return key
            if proofs.is_wrong(presented.digest, keys):
                raise Unauthenticated("key_secret_wrong")
            return await self._try(presented)

    async def _try(self, presented: _Presented) -> ApiKey:
        tools, prefix = self._tools, presented.form.prefix
        wait = await tools.attempts.wait(prefix, presented.address)
        if wait > 0:
            await self._refuse(presented, wait)
        key = await self._match(presented)
        if key is None:
            await tools.attempts.failed(prefix, presented.address)
            tools.proofs.remember_wrong(presented.digest, presented.keys)
            raise Unauthenticated("key_secret_wrong" if presented.held else "key_unknown")
        await tools.proofs.remember(presented.digest, key)
        if tools.hashing.outdated(key.key_hash):
            await self._rehash(presented, key)
        return key

    async def _match(self, presented: _Presented) -> ApiKey | None:
        hashing = self._tools.hashing
        for key in presented.keys:
            if await hashing.verify(presented.secret, key.key_hash):
                return key
        if not presented.held:
            await hashing.verify_nothing(presented.secret, legacy=presented.form.legacy)
        return None

    async def _rehash(self, presented: _Presented, key: ApiKey) -> None:
        stored = await self._tools.hashing.hash(presented.secret)
        if await api_keys.rehash(self._tools.pool, key, stored):
            logger.info("key rehashed", extra={"keyId": key.id})

    async def _refuse(self, presented: _Presented, wait: float) -> None:
        first = await self._tools.attempts.refused(presented.form.prefix)
        for held in presented.held if first else ():
            event = Event(
                "key.refused",
                held.key.user_id,
                actor=SYSTEM,
                address=presented.address,
                key=held.key,
                data={"reason": "too_many_wrong_secrets"},
            )
            await self._tools.audit.record(event)
        raise RateLimited("Too many wrong keys were tried.", retry_after=wait)
