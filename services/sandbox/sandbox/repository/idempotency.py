"""Answers by idempotency key: one row for each key of a user, for 24 hours."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sandbox.models import Sandbox
from sandbox.states import State

if TYPE_CHECKING:
    from sandbox.repository.database import Connection


@dataclass(frozen=True, slots=True)
class Record:
    """What was asked under a key; `state` and `expires_at` are what was answered, once it was."""

    body_digest: str
    sandbox_id: UUID
    state: State | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Key:
    """A user's idempotency key and the digest of the body that came with it."""

    user_id: UUID
    key: str
    body_digest: str


async def find(connection: "Connection", key: Key) -> Record | None:
    """What is known under the key."""
    row = await connection.fetchrow(
        "SELECT body_digest, sandbox_id, state, expires_at FROM sandbox.idempotency "
        "WHERE user_id = $1 AND key = $2",
        key.user_id,
        key.key,
    )
    if row is None:
        return None
    state = State(row["state"]) if row["state"] else None
    return Record(row["body_digest"], row["sandbox_id"], state, row["expires_at"])


async def put(connection: "Connection", key: Key, sandbox_id: UUID) -> bool:
    """Takes the key for a sandbox; False when it is taken (waits for one who is taking it)."""
    done = await connection.execute(
        "INSERT INTO sandbox.idempotency (user_id, key, body_digest, sandbox_id) "
        "VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        key.user_id,
        key.key,
        key.body_digest,
        sandbox_id,
    )
    return done == "INSERT 0 1"


async def answered(connection: "Connection", key: Key, sandbox: Sandbox) -> None:
    """Keeps what whoever repeats the request will be answered; the rest of it never changes."""
    await connection.execute(
        "UPDATE sandbox.idempotency SET state = $4, expires_at = $5 "
        "WHERE user_id = $1 AND key = $2 AND sandbox_id = $3",
        key.user_id,
        key.key,
        sandbox.id,
        sandbox.state,
        sandbox.expires_at,
    )


async def forget(connection: "Connection", sandbox_id: UUID) -> None:
    """Frees the key of a create that failed, so that trying again tries again."""
    await connection.execute("DELETE FROM sandbox.idempotency WHERE sandbox_id = $1", sandbox_id)
