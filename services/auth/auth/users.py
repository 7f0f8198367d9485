"""Users: made on first sight, shown, changed at Clerk first and here second, completed later."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from auth import clerk_profile
from auth.audit import Audit, Event
from auth.batches import Batches
from auth.clerk_api import ClerkApi
from auth.clock import Clock
from auth.keyed_locks import KeyedLocks
from auth.session_token import Session
from auth.tables import users
from auth.tables.connection import Pool
from auth.tables.users import Profile, User
from kit.errors import NotFound, Unauthenticated, Unavailable

logger = logging.getLogger(__name__)

FIRST_SIGHT_SECONDS = 2.0
"""How long a first request waits for Clerk before the user is made from the token alone."""

CLERK_FIELDS = ("first_name", "last_name", "username")


class Users:
    """The users of this deployment."""

    def __init__(self, pool: Pool, clerk: ClerkApi, audit: Audit, clock: Clock) -> None:
        self._pool = pool
        self._clerk = clerk
        self._audit = audit
        self._clock = clock
        self._locks = KeyedLocks()
        self._rows = Batches(lambda clerk_ids: users.by_clerk_ids(pool, clerk_ids))

    async def of_session(self, session: Session, address: str) -> User:
        """The session's user, made when seen for the first time.

        Raises Unauthenticated for one that was deleted.
        """
        user = await self._rows.get(session.clerk_id)
        if user is None:
            async with self._locks.hold(session.clerk_id):
                user = await self._first_sight(session, address)
        return _live(user)

    async def me(self, user_id: str) -> User:
        """The user. Raises Unauthenticated for one that is gone."""
        return _live(await users.by_id(self._pool, user_id))

    async def change(self, user_id: str, changes: Mapping[str, Any], address: str) -> User:
        """Changes the fields of `changes` (snake_case): Clerk's at Clerk first.

        Raises ValidationFailed, naming the field, for what Clerk does not take, Unavailable when it
        does not answer; then nothing is changed here.
        """
        user = await self.me(user_id)
        theirs = {name: changes[name] for name in CLERK_FIELDS if name in changes}
        if theirs or "phone_number" in changes:
            await self._change_at_clerk(user, theirs, changes)
        if "metadata" in changes:
            await users.set_metadata(self._pool, user_id, changes["metadata"], self._clock())
        if changes:
            data = {"fields": sorted(changes)}
            await self._audit.record(Event("user.changed", user_id, address=address, data=data))
        return await self.me(user_id)

    async def _first_sight(self, session: Session, address: str) -> User | None:
        user = await users.by_clerk_id(self._pool, session.clerk_id)
        if user is not None:
            return user
        profile = await self._read(session)
        async with self._pool.acquire() as db, db.transaction():
            made = await users.insert(db, profile, self._clock())
            user = await users.by_clerk_id(db, session.clerk_id)
            if made and user is not None:
                data = {"sessionId": session.session_id}
                event = Event("user.first_seen", user.id, address=address, data=data)
                await self._audit.record(event, db)
        return user

    async def _read(self, session: Session) -> Profile:
        try:
            async with asyncio.timeout(FIRST_SIGHT_SECONDS):
                found = await self._clerk.user(session.clerk_id)
            return clerk_profile.from_user(found)
        except NotFound:
            raise Unauthenticated("user_unknown_to_clerk") from None
        except (Unavailable, TimeoutError):
            logger.warning("the user is made from the token alone", extra={"sub": session.clerk_id})
            return clerk_profile.from_claims(session.clerk_id, session.claims)

    async def _change_at_clerk(
        self, user: User, theirs: Mapping[str, Any], changes: Mapping[str, Any]
    ) -> None:
        try:
            if theirs:
                document = await self._clerk.update_user(user.clerk_id, theirs)
            else:
                document = await self._clerk.user(user.clerk_id)
            if "phone_number" in changes:
                document = await self._change_phone(user, document, changes["phone_number"])
        except NotFound:
            raise Unauthenticated("user_unknown_to_clerk") from None
        await users.apply(self._pool, clerk_profile.from_user(document), self._clock())

    async def _change_phone(
        self, user: User, document: Mapping[str, Any], number: str | None
    ) -> Mapping[str, Any]:
        """Numbers are objects of their own at Clerk, and one of them is the primary one."""
        current = clerk_profile.primary_phone(document)
        if number == (current[1] if current else None):
            return document
        if number is None and current is not None:
            await self._clerk.remove_phone(current[0])
        elif number is not None and (known := clerk_profile.phone_id(document, number)):
            await self._clerk.update_user(user.clerk_id, {"primary_phone_number_id": known})
        elif number is not None:
            await self._clerk.add_phone(user.clerk_id, number)
        return await self._clerk.user(user.clerk_id)


def _live(user: User | None) -> User:
    if user is None or user.deleted_at is not None:
        raise Unauthenticated("user_deleted")
    return user
