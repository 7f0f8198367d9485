"""auth.api_keys: hashes of keys, and what each may do until when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from auth.tables.connection import Database, Row

_COLUMNS = (
    "k.id, k.user_id, k.prefix, k.key_hash, k.name, k.scopes, k.created_at, k.expires_at, "
    "k.last_used_at, k.revoked_at, k.replaced_by"
)
_HELD = (
    f"SELECT {_COLUMNS}, u.clerk_id, u.deleted_at IS NOT NULL AS holder_deleted "
    "FROM api_keys k JOIN users u ON u.id = k.user_id"
)
# Prefixes of the earlier product may be short, so that several keys share one.
_LEGACY_CANDIDATES = 8


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A row: live until it is revoked or expires. `replaced_by` is the key it was rotated to."""

    id: str
    user_id: str
    prefix: str
    key_hash: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    replaced_by: str | None = None


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A key with what there is to know about its holder."""

    key: ApiKey
    clerk_id: str
    holder_deleted: bool


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to be stored."""

    user_id: str
    prefix: str
    key_hash: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None


def _key(row: Row) -> ApiKey:
    return ApiKey(
        id=str(row["id"]),
        user_id=str(row["user_id"]),
        prefix=row["prefix"],
        key_hash=row["key_hash"],
        name=row["name"],
        scopes=tuple(row["scopes"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
        replaced_by=str(row["replaced_by"]) if row["replaced_by"] else None,
    )


def _held(row: Row) -> HeldKey:
    return HeldKey(_key(row), row["clerk_id"], row["holder_deleted"])


async def by_prefixes(db: Database, prefixes: Sequence[str]) -> dict[str, HeldKey]:
    """The keys with these prefixes, revoked ones too; not those of the earlier product."""
    rows = await db.fetch(f"{_HELD} WHERE k.prefix = ANY($1) AND NOT k.legacy", prefixes)
    return {row["prefix"]: _held(row) for row in rows}


async def legacy_candidates(db: Database, key: str) -> list[HeldKey]:
    """The keys of the earlier product that a presented one could be, by what was kept of them."""
    rows = await db.fetch(
        f"{_HELD} WHERE k.legacy AND starts_with($1, k.prefix) "
        "ORDER BY k.revoked_at NULLS FIRST, k.created_at DESC LIMIT $2",
        key,
        _LEGACY_CANDIDATES,
    )
    return [_held(row) for row in rows]


async def any_legacy(db: Database) -> bool:
    """Whether any key has the form of the earlier product; only a migration makes them."""
    return bool(await db.fetchval("SELECT EXISTS (SELECT 1 FROM api_keys WHERE legacy)"))


async def insert(db: Database, new: NewKey) -> ApiKey:
    """Stores the key. Raises asyncpg.UniqueViolationError when its prefix is taken."""
    row = await db.fetchrow(
        "INSERT INTO api_keys AS k "
        "(user_id, prefix, key_hash, name, scopes, created_at, expires_at) "
        f"VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING {_COLUMNS}",
        new.user_id,
        new.prefix,
        new.key_hash,
        new.name,
        list(new.scopes),
        new.created_at,
        new.expires_at,
    )
    assert row is not None
    return _key(row)


async def of_user(db: Database, user_id: str) -> list[ApiKey]:
    """All keys of a user, newest first."""
    rows = await db.fetch(
        f"SELECT {_COLUMNS} FROM api_keys k WHERE user_id = $1 ORDER BY created_at DESC, id",
        user_id,
    )
    return [_key(row) for row in rows]


async def of_user_by_id(db: Database, user_id: str, key_id: str) -> ApiKey | None:
    """The key, if it is that user's."""
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM api_keys k WHERE id = $1 AND user_id = $2", key_id, user_id
    )
    return _key(row) if row else None


async def revoke(db: Database, key_id: str, now: datetime) -> bool:
    """Ends the key; tells whether it was not ended before."""
    done = await db.fetchval(
        "UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING id",
        key_id,
        now,
    )
    return done is not None


async def revoke_all(db: Database, user_id: str, now: datetime) -> list[tuple[str, str]]:
    """Ends all keys of a user; ids and prefixes of those that were not ended before."""
    rows = await db.fetch(
        "UPDATE api_keys SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL "
        "RETURNING id, prefix",
        user_id,
        now,
    )
    return [(str(row["id"]), row["prefix"]) for row in rows]


async def replace(db: Database, old: ApiKey, new_id: str, ends_at: datetime, now: datetime) -> bool:
    """Ends the old key at `ends_at` or before, in favour of the new one.

    False when it was rotated, revoked or has expired meanwhile.
    """
    done = await db.fetchval(
        "UPDATE api_keys SET replaced_by = $2, expires_at = least(expires_at, $3), "
        "revoked_at = CASE WHEN $3 <= $4 THEN $4 END "
        "WHERE id = $1 AND replaced_by IS NULL AND revoked_at IS NULL "
        "AND (expires_at IS NULL OR expires_at > $4) RETURNING id",
        old.id,
        new_id,
        ends_at,
        now,
    )
    return done is not None


async def rehash(db: Database, key: ApiKey, key_hash: str) -> bool:
    """Replaces the hash by another one of the same secret, unless it has changed meanwhile."""
    done = await db.fetchval(
        "UPDATE api_keys SET key_hash = $3 WHERE id = $1 AND key_hash = $2 RETURNING id",
        key.id,
        key.key_hash,
        key_hash,
    )
    return done is not None


async def used(db: Database, uses: Mapping[str, datetime]) -> None:
    """Moves `last_used_at` of many keys forward, never back."""
    ids = sorted(uses)  # in one order everywhere, so that two replicas cannot deadlock
    await db.execute(
        "UPDATE api_keys SET last_used_at = v.at "
        "FROM unnest($1::uuid[], $2::timestamptz[]) AS v (id, at) "
        "WHERE api_keys.id = v.id AND (last_used_at IS NULL OR last_used_at < v.at)",
        ids,
        [uses[key_id] for key_id in ids],
    )
