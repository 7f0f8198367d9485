"""auth.users: people, as Clerk knows them, and our own metadata about them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from auth.tables.connection import Database, Row

_COLUMNS = (
    "id, clerk_id, email, first_name, last_name, username, image_url, phone_number, metadata, "
    "created_at, updated_at, clerk_updated_at, deleted_at"
)


@dataclass(frozen=True, slots=True)
class Profile:
    """What Clerk tells of a user; `updated_at` is when it changed there."""

    clerk_id: str
    email: str | None
    first_name: str | None
    last_name: str | None
    username: str | None
    image_url: str | None
    phone_number: str | None
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class User:
    """A row. Without `clerk_updated_at` the profile is still to be read from Clerk."""

    id: str
    clerk_id: str
    email: str | None
    first_name: str | None
    last_name: str | None
    username: str | None
    image_url: str | None
    phone_number: str | None
    metadata: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime
    clerk_updated_at: datetime | None
    deleted_at: datetime | None


def _user(row: Row | None) -> User | None:
    if row is None:
        return None
    values = dict(row)
    return User(**(values | {"id": str(values["id"]), "metadata": json.loads(values["metadata"])}))


async def by_id(db: Database, user_id: str) -> User | None:
    """The user, a deleted one too."""
    return _user(await db.fetchrow(f"SELECT {_COLUMNS} FROM users WHERE id = $1", user_id))


async def by_clerk_id(db: Database, clerk_id: str) -> User | None:
    """The user, a deleted one too."""
    return (await by_clerk_ids(db, [clerk_id])).get(clerk_id)


async def by_clerk_ids(db: Database, clerk_ids: Sequence[str]) -> dict[str, User]:
    """The users, deleted ones too."""
    rows = await db.fetch(f"SELECT {_COLUMNS} FROM users WHERE clerk_id = ANY($1)", clerk_ids)
    return {user.clerk_id: user for row in rows if (user := _user(row))}


async def insert(db: Database, profile: Profile, now: datetime) -> bool:
    """Makes the user unless there is one of that Clerk id; tells whether it did."""
    made = await db.fetchval(
        "INSERT INTO users (clerk_id, email, first_name, last_name, username, image_url, "
        "phone_number, clerk_updated_at, created_at, updated_at, checked_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $9) "
        "ON CONFLICT (clerk_id) DO NOTHING RETURNING id",
        *_values(profile),
        now,
    )
    return made is not None


async def apply(db: Database, profile: Profile, now: datetime) -> bool:
    """Writes a profile over an older one; not over a newer one, nor over a tombstone."""
    done = await db.fetchval(
        "UPDATE users SET email = $2, first_name = $3, last_name = $4, username = $5, "
        "image_url = $6, phone_number = $7, clerk_updated_at = $8, "
        "updated_at = $9, checked_at = $9 "
        "WHERE clerk_id = $1 AND deleted_at IS NULL "
        "AND (clerk_updated_at IS NULL OR clerk_updated_at <= $8) RETURNING id",
        *_values(profile),
        now,
    )
    return done is not None


async def set_metadata(
    db: Database, user_id: str, metadata: Mapping[str, Any], now: datetime
) -> None:
    """Replaces our own metadata."""
    await db.execute(
        "UPDATE users SET metadata = $2, updated_at = $3 WHERE id = $1 AND deleted_at IS NULL",
        user_id,
        json.dumps(metadata),
        now,
    )


async def mark_checked(db: Database, user_id: str, now: datetime) -> None:
    """Puts the user at the end of those that Clerk is to be asked about."""
    await db.execute("UPDATE users SET checked_at = $2 WHERE id = $1", user_id, now)


async def bury(db: Database, clerk_id: str, now: datetime) -> str | None:
    """Makes a tombstone, of an unknown user too, and forgets who it was.

    The user's id; `None` when it was buried before.
    """
    found = await db.fetchval(
        "INSERT INTO users (clerk_id, created_at, updated_at, deleted_at) VALUES ($1, $2, $2, $2) "
        "ON CONFLICT (clerk_id) DO UPDATE SET deleted_at = $2, updated_at = $2, email = NULL, "
        "first_name = NULL, last_name = NULL, username = NULL, image_url = NULL, "
        "phone_number = NULL, metadata = '{}' WHERE users.deleted_at IS NULL RETURNING id",
        clerk_id,
        now,
    )
    return str(found) if found else None


async def departing(db: Database, limit: int) -> list[str]:
    """Ids of deleted users whose sandboxes are not known to be destroyed, oldest first."""
    rows = await db.fetch(
        "SELECT id FROM users WHERE deleted_at IS NOT NULL AND sandboxes_destroyed_at IS NULL "
        "ORDER BY deleted_at LIMIT $1",
        limit,
    )
    return [str(row["id"]) for row in rows]


async def departed(db: Database, user_id: str, now: datetime) -> None:
    """The sandbox service has taken over the rest."""
    await db.execute("UPDATE users SET sandboxes_destroyed_at = $2 WHERE id = $1", user_id, now)


async def to_check(db: Database, before: datetime, limit: int, *, incomplete: bool) -> list[User]:
    """Live users about whom Clerk was not asked since `before`, the longest first.

    With `incomplete` only those whose profile was never read.
    """
    condition = "AND clerk_updated_at IS NULL" if incomplete else ""
    rows = await db.fetch(
        f"SELECT {_COLUMNS} FROM users WHERE deleted_at IS NULL {condition} "
        "AND checked_at < $1 ORDER BY checked_at LIMIT $2",
        before,
        limit,
    )
    return [user for row in rows if (user := _user(row))]


def _values(profile: Profile) -> tuple[Any, ...]:
    return (
        profile.clerk_id,
        profile.email,
        profile.first_name,
        profile.last_name,
        profile.username,
        profile.image_url,
        profile.phone_number,
        profile.updated_at,
    )
