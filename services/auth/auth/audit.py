"""The audit log: writing an entry with what the request knows, and reading one's own."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from auth.clock import Clock
from auth.tables import audit
from auth.tables.api_keys import ApiKey
from auth.tables.audit import Entry, Recorded
from auth.tables.connection import Database, Pool
from kit.context import request_id
from kit.errors import ValidationFailed

Actor = str
USER, CLERK, SYSTEM = "user", "clerk", "system"


@dataclass(frozen=True, slots=True)
class Event:
    """What happened: `type` is `<noun>.<verb, past>`, such as `key.issued`."""

    type: str
    user_id: str
    actor: Actor = USER
    address: str = ""
    key: ApiKey | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, newest first, and the cursor of those that follow (`None`: there are none)."""

    entries: list[Recorded]
    next_cursor: str | None


class Audit:
    """Records and pages."""

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def record(self, event: Event, db: Database | None = None) -> None:
        """Adds the event, in the transaction of `db` if one is given."""
        await audit.append(
            db or self._pool,
            Entry(
                user_id=event.user_id,
                type=event.type,
                at=self._clock(),
                actor=event.actor,
                address=event.address,
                key_id=event.key.id if event.key else None,
                key_prefix=event.key.prefix if event.key else "",
                request_id=request_id(),
                data=event.data,
            ),
        )

    async def page(self, user_id: str, limit: int, cursor: str | None) -> Page:
        """A page of a user's own log. Raises ValidationFailed for a cursor that we did not make."""
        before = _decode(cursor) if cursor else None
        found = await audit.page(self._pool, user_id, before, limit + 1)
        entries = found[:limit]
        more = len(found) > limit
        return Page(entries, _encode(entries[-1].id) if more else None)


def _encode(entry_id: int) -> str:
    return base64.urlsafe_b64encode(str(entry_id).encode()).rstrip(b"=").decode()


def _decode(cursor: str) -> int:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        if text.isdigit() and len(text) < 19:
            return int(text)
    except (binascii.Error, ValueError):
        pass
    raise ValidationFailed.of("cursor", "is not one that was given out")
