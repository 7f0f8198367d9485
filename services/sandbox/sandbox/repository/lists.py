"""Lists of sandboxes: a user's own, and those that the loops must look at."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sandbox.models import Sandbox
from sandbox.repository.rows import COLUMNS, sandbox_of, to_json
from sandbox.states import State

if TYPE_CHECKING:
    from sandbox.repository.database import Connection

BATCH = 500
"""Rows that one pass of a loop takes on; the next pass takes the next."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which of a user's sandboxes; `after` is the last one (created_at, id) of the page before."""

    state: State | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    after: tuple[datetime, UUID] | None = None


async def owned(
    connection: "Connection", user_id: UUID, wanted: Filter, limit: int
) -> list[Sandbox]:
    """A user's sandboxes, newest first."""
    after_at, after_id = wanted.after or (None, None)
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS} FROM sandbox.sandboxes
        WHERE user_id = $1 AND ($2::text IS NULL OR state = $2) AND metadata @> $3::jsonb
            AND ($4::timestamptz IS NULL OR (created_at, id) < ($4, $5::uuid))
        ORDER BY created_at DESC, id DESC LIMIT $6
        """,
        user_id,
        wanted.state,
        to_json(dict(wanted.metadata)),
        after_at,
        after_id,
        limit,
    )
    return [sandbox_of(row) for row in rows]


async def in_states(connection: "Connection", states: Sequence[State]) -> list[Sandbox]:
    """All in these states, oldest first."""
    return await _select(connection, "state = ANY($1)", [list(states)])


async def alive_of_user(connection: "Connection", user_id: UUID) -> list[Sandbox]:
    """All of a user that have not ended."""
    return await _select(
        connection,
        "user_id = $1 AND state IN ('pending', 'running', 'paused', 'destroying')",
        [user_id],
    )


async def expired(connection: "Connection") -> list[Sandbox]:
    """Running or paused past their time."""
    condition = "state IN ('running', 'paused') AND expires_at <= now()"
    return await _select(connection, f"{condition} LIMIT {BATCH}", [], order="")


async def idle(connection: "Connection", seconds: float) -> list[Sandbox]:
    """Running without activity for so long."""
    condition = "state = 'running' AND active_at <= now() - $1 * interval '1 second'"
    return await _select(connection, f"{condition} LIMIT {BATCH}", [seconds], order="")


async def abandoned(connection: "Connection") -> list[Sandbox]:
    """In a transient state, and whoever worked on it has not been heard of in time."""
    condition = "state IN ('pending', 'destroying') AND coalesce(lease_until, now()) <= now()"
    return await _select(connection, f"{condition} LIMIT {BATCH}", [], order="")


async def _select(
    connection: "Connection", condition: str, values: list[object], order: str = "created_at"
) -> list[Sandbox]:
    tail = f" ORDER BY {order}" if order else ""
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM sandbox.sandboxes WHERE {condition}{tail}", *values
    )
    return [sandbox_of(row) for row in rows]
