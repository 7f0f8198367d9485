"""auth.audit: who did what, when, from where. Rows are only ever added."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from auth.tables.connection import Database


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened to `user_id`'s account. `actor` is `user`, `clerk` or `system`."""

    user_id: str
    type: str
    at: datetime
    actor: str = "user"
    address: str = ""
    key_id: str | None = None
    key_prefix: str = ""
    request_id: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry in the log; ids grow."""

    id: int
    entry: Entry


async def append(db: Database, entry: Entry) -> None:
    """Adds the entry."""
    await db.execute(
        "INSERT INTO audit (user_id, type, at, actor, address, key_id, key_prefix, request_id, "
        "data) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        entry.user_id,
        entry.type,
        entry.at,
        entry.actor,
        entry.address,
        entry.key_id,
        entry.key_prefix,
        entry.request_id,
        json.dumps(entry.data),
    )


async def page(db: Database, user_id: str, before: int | None, limit: int) -> list[Recorded]:
    """A user's entries, newest first, with ids below `before`."""
    rows = await db.fetch(
        "SELECT * FROM audit WHERE user_id = $1 AND id < coalesce($2, 9223372036854775807) "
        "ORDER BY id DESC LIMIT $3",
        user_id,
        before,
        limit,
    )
    return [
        Recorded(
            row["id"],
            Entry(
                user_id=str(row["user_id"]),
                type=row["type"],
                at=row["at"],
                actor=row["actor"],
                address=row["address"],
                key_id=str(row["key_id"]) if row["key_id"] else None,
                key_prefix=row["key_prefix"],
                request_id=row["request_id"],
                data=json.loads(row["data"]),
            ),
        )
        for row in rows
    ]
