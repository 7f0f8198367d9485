"""API keys in their owner's hands: issued, listed, rotated, revoked."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

from auth import key_format
from auth.audit import Audit, Event
from auth.clock import Clock
from auth.errors import WrongState
from auth.hashing import HashingPool
from auth.identity import SCOPES
from auth.proofs import Proofs
from auth.revocations import Revocations
from auth.tables import api_keys
from auth.tables.api_keys import ApiKey, NewKey
from auth.tables.connection import Database, Pool
from kit.errors import NotFound


@dataclass(frozen=True, slots=True)
class Owner:
    """Who acts, from where."""

    user_id: str
    address: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What a new key shall be; `lifetime` `None` is for ever."""

    name: str
    scopes: tuple[str, ...] = SCOPES
    lifetime: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Issued:
    """A new key, with the secret that is told this once."""

    secret: str
    key: ApiKey


@dataclass(frozen=True, slots=True)
class KeyTools:
    """What issuing and ending keys needs."""

    pool: Pool
    hashing: HashingPool
    proofs: Proofs
    revocations: Revocations
    audit: Audit
    clock: Clock


class Keys:
    """The keys of users; every method is for one owner and never touches another's."""

    def __init__(self, tools: KeyTools) -> None:
        self._tools = tools

    async def issue(self, owner: Owner, wish: Wish) -> Issued:
        """A new key."""
        now = self._tools.clock()
        secret = key_format.generate()
        new = NewKey(
            user_id=owner.user_id,
            prefix=secret[: key_format.PREFIX_CHARACTERS],
            key_hash=await self._tools.hashing.hash(secret),
            name=wish.name,
            scopes=tuple(scope for scope in SCOPES if scope in wish.scopes),
            created_at=now,
            expires_at=now + wish.lifetime if wish.lifetime is not None else None,
        )
        async with self._tools.pool.acquire() as db, db.transaction():
            key = await api_keys.insert(db, new)
            data = {"name": key.name, "scopes": list(key.scopes)}
            event = Event("key.issued", owner.user_id, address=owner.address, key=key, data=data)
            await self._tools.audit.record(event, db)
        await self._remember(secret, key)
        return Issued(secret, key)

    async def list(self, owner: Owner) -> list[ApiKey]:
        """All of the owner's keys, ended ones too, newest first."""
        return await api_keys.of_user(self._tools.pool, owner.user_id)

    async def revoke(self, owner: Owner, key_id: str) -> None:
        """Ends a key; twice is once. Raises NotFound for what is not the owner's."""
        async with self._tools.pool.acquire() as db, db.transaction():
            key = await _own(db, owner, key_id)
            if await api_keys.revoke(db, key.id, self._tools.clock()):
                event = Event("key.revoked", owner.user_id, address=owner.address, key=key)
                await self._tools.audit.record(event, db)
        # Told again for a key that was revoked before, should the first message have been lost.
        await self._tools.revocations.keys([key.id])

    async def rotate(self, owner: Owner, key_id: str, grace: timedelta) -> Issued:
        """A new key with the old one's name, scopes and expiry; the old one lives on for `grace`.

        Raises NotFound for what is not the owner's, WrongState for a key that has ended or was
        rotated before.
        """
        secret = key_format.generate()
        key_hash = await self._tools.hashing.hash(secret)
        async with self._tools.pool.acquire() as db, db.transaction():
            now = self._tools.clock()
            old = await _own(db, owner, key_id)
            new = await api_keys.insert(
                db,
                NewKey(
                    user_id=owner.user_id,
                    prefix=secret[: key_format.PREFIX_CHARACTERS],
                    key_hash=key_hash,
                    name=old.name,
                    scopes=old.scopes,
                    created_at=now,
                    expires_at=old.expires_at,
                ),
            )
            if not await api_keys.replace(db, old, new.id, now + grace, now):
                raise WrongState("Only a live key that was not rotated before can be rotated.")
            data = {"newKeyId": new.id, "graceSeconds": int(grace.total_seconds())}
            event = Event("key.rotated", owner.user_id, address=owner.address, key=old, data=data)
            await self._tools.audit.record(event, db)
        await self._remember(secret, new)
        await self._tools.revocations.keys([old.id])
        return Issued(secret, new)

    async def _remember(self, secret: str, key: ApiKey) -> None:
        await self._tools.proofs.remember(self._tools.proofs.digest(secret), key)


async def _own(db: Database, owner: Owner, key_id: str) -> ApiKey:
    try:
        wanted = str(uuid.UUID(key_id))
    except ValueError:
        raise NotFound("There is no such key.") from None
    key = await api_keys.of_user_by_id(db, owner.user_id, wanted)
    if key is None:
        raise NotFound("There is no such key.")
    return key
