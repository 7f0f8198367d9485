"""What webhooks missed: profiles to complete, changes and deletions at Clerk, departures to finish.

One replica at a time, by a PostgreSQL advisory lock.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta

from auth import clerk_profile
from auth.audit import SYSTEM
from auth.clerk_api import ClerkApi
from auth.clock import Clock
from auth.departures import Departures
from auth.tables import deliveries, users
from auth.tables.connection import Pool
from auth.tables.outage import DOWN
from auth.tables.users import User
from kit.errors import NotFound, Unavailable, ValidationFailed

logger = logging.getLogger(__name__)

PASS_SECONDS = 5.0
RECHECK_AFTER = timedelta(minutes=10)
RETRY_AFTER = timedelta(seconds=10)
DELIVERIES_KEPT = timedelta(days=30)
AT_ONCE = 10
SUSPICIOUS = 5
_LOCK = 0x1A5E0001


@dataclass(frozen=True, slots=True)
class Reconciler:
    """The loop; each pass does a bounded amount of each kind of work."""

    pool: Pool
    clerk: ClerkApi
    departures: Departures
    clock: Clock

    async def run_forever(self) -> None:
        """A pass every 5 s."""
        while True:
            await asyncio.sleep(PASS_SECONDS)
            try:
                await self.run_once()
            except DOWN as error:
                logger.warning("reconciling is put off: %s", error)

    async def run_once(self) -> None:
        """One pass; nothing when another replica is at it."""
        async with self.pool.acquire() as db:
            if not await db.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
                return
            try:
                await self._pass()
            finally:
                await db.execute("SELECT pg_advisory_unlock($1)", _LOCK)

    async def _pass(self) -> None:
        for user_id in await users.departing(self.pool, AT_ONCE):
            await self.departures.finish(user_id)
        now = self.clock()
        waiting = await users.to_check(self.pool, now - RETRY_AFTER, AT_ONCE, incomplete=True)
        await self._check(waiting)
        aged = await users.to_check(self.pool, now - RECHECK_AFTER, AT_ONCE, incomplete=False)
        await self._check(aged)
        await deliveries.forget(self.pool, now - DELIVERIES_KEPT)

    async def _check(self, found: list[User]) -> None:
        gone: list[User] = []
        for user in found:
            try:
                document = await self.clerk.user(user.clerk_id)
                await users.apply(self.pool, clerk_profile.from_user(document), self.clock())
            except NotFound:
                # Only who was known to this instance of Clerk can be gone from it.
                if user.clerk_updated_at is not None:
                    gone.append(user)
            except Unavailable:
                break
            except ValidationFailed as error:
                logger.warning("Clerk's answer is not a user: %s", error)
            await users.mark_checked(self.pool, user.id, self.clock())
        if len(gone) >= SUSPICIOUS and len(gone) == len(found):
            # A key of another Clerk instance would make everyone look deleted.
            logger.error("Clerk knows none of %s users; nothing is deleted", len(gone))
            return
        for user in gone:
            await self._bury(user)

    async def _bury(self, user: User) -> None:
        async with self.pool.acquire() as db, db.transaction():
            user_id = await self.departures.bury(db, user.clerk_id, SYSTEM)
        if user_id is not None:
            await self.departures.finish(user_id)
