"""When a user is deleted at Clerk: a tombstone here, no live key, no sandbox."""

import logging
from dataclasses import dataclass
from typing import Protocol

from auth.audit import Actor, Audit, Event
from auth.clock import Clock
from auth.revocations import Revocations
from auth.tables import api_keys, users
from auth.tables.connection import Connection, Pool
from auth.tables.outage import DOWN
from kit.errors import Failure

logger = logging.getLogger(__name__)


class Sandboxes(Protocol):
    """The sandbox service, as far as a departure needs it."""

    async def destroy_owned(self, user_id: str) -> None:
        """Destroys all of the user's sandboxes. Raises Failure when it cannot be told."""
        ...


@dataclass(frozen=True, slots=True)
class Departures:
    """Buries users: `bury` inside a transaction, `finish` after it, again until it succeeds."""

    pool: Pool
    revocations: Revocations
    sandboxes: Sandboxes
    audit: Audit
    clock: Clock

    async def bury(self, db: Connection, clerk_id: str, actor: Actor) -> str | None:
        """Makes the tombstone and revokes the keys; the user's id, `None` when done before."""
        now = self.clock()
        user_id = await users.bury(db, clerk_id, now)
        if user_id is None:
            return None
        revoked = await api_keys.revoke_all(db, user_id, now)
        data = {"revokedKeys": [prefix for _, prefix in revoked]}
        await self.audit.record(Event("user.deleted", user_id, actor=actor, data=data), db)
        return user_id

    async def finish(self, user_id: str) -> None:
        """Tells everyone. What cannot be told now is left to the reconcile loop."""
        await self.revocations.user(user_id)
        try:
            await self.sandboxes.destroy_owned(user_id)
            await users.departed(self.pool, user_id, self.clock())
        except (Failure, *DOWN) as error:
            logger.warning("a deleted user's sandboxes are still there: %s", error)
