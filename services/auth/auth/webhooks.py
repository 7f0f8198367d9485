"""Clerk's webhooks: signed by Svix, in any order, any number of times."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auth import clerk_profile, svix_signature
from auth.audit import CLERK, Audit, Event
from auth.clock import Clock
from auth.departures import Departures
from auth.errors import InvalidSignature
from auth.tables import deliveries, users
from auth.tables.connection import Connection, Pool
from auth.tables.users import Profile
from kit.errors import ValidationFailed
from kit.parse import check_text, parse_json

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Receives deliveries; each has its effect once, with its record in one transaction."""

    pool: Pool
    keys: Sequence[bytes]
    departures: Departures
    audit: Audit
    clock: Clock

    async def receive(self, headers: Mapping[str, str], body: bytes) -> None:
        """Takes one delivery.

        Raises InvalidSignature, InvalidJson, or ValidationFailed for what is no event of Clerk's.
        """
        try:
            now = self.clock().timestamp()
            delivery = svix_signature.verify(self.keys, headers, body, now)
        except InvalidSignature as error:
            logger.warning("webhook refused", extra={"reason": error.reason})
            raise
        kind, data = _event(parse_json(body))
        if kind in ("user.created", "user.updated"):
            await self._upsert(delivery, kind, clerk_profile.from_user(data, self.clock()))
        elif kind == "user.deleted":
            await self._delete(delivery, data)

    async def _upsert(self, delivery: str, kind: str, profile: Profile) -> None:
        async with self.pool.acquire() as db, db.transaction():
            if await deliveries.record(db, delivery, kind, self.clock()):
                await self._write(db, kind, profile)

    async def _write(self, db: Connection, kind: str, profile: Profile) -> None:
        now = self.clock()
        changed = await users.insert(db, profile, now) or await users.apply(db, profile, now)
        user = await users.by_clerk_id(db, profile.clerk_id)
        if changed and user is not None:
            await self.audit.record(Event(kind, user.id, actor=CLERK), db)

    async def _delete(self, delivery: str, data: Mapping[str, Any]) -> None:
        clerk_id = data.get("id")
        if not isinstance(clerk_id, str) or not 0 < len(clerk_id) <= 255:
            raise ValidationFailed.of("data.id", "is not a user id")
        user_id = None
        async with self.pool.acquire() as db, db.transaction():
            if await deliveries.record(db, delivery, "user.deleted", self.clock()):
                user_id = await self.departures.bury(db, clerk_id, CLERK)
        if user_id is not None:
            await self.departures.finish(user_id)


def _event(document: Any) -> tuple[str, Mapping[str, Any]]:
    if not isinstance(document, dict):
        raise ValidationFailed.of("body", "is not an object")
    check_text(document)
    kind, data = document.get("type"), document.get("data")
    if not isinstance(kind, str):
        raise ValidationFailed.of("type", "is not a text")
    if not isinstance(data, dict):
        raise ValidationFailed.of("data", "is not an object")
    return kind, data
