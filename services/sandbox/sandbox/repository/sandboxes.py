"""The table of sandboxes. Every write of state names the state and generation that it expects."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sandbox.errors import StateChanged
from sandbox.models import Cause, ContainerState, NewSandbox, Owner, Resources, Sandbox
from sandbox.repository.rows import COLUMNS, resources_of, sandbox_of, to_json
from sandbox.states import ENDED, State, allowed

if TYPE_CHECKING:
    from sandbox.repository.database import Connection

EVENT_OF_STATE = {
    State.PENDING: "claimed",
    State.WARM: "warmed",
    State.RUNNING: "started",
    State.PAUSED: "paused",
    State.DESTROYING: "destroying",
    State.DESTROYED: "destroyed",
    State.FAILED: "failed",
}

_LOG = (
    "logged AS (INSERT INTO sandbox.events (sandbox_id, type, cause, actor, data) "
    "SELECT id, {event}, {cause}, {actor}, {data}::jsonb FROM changed)"
)


@dataclass(frozen=True, slots=True)
class Change:
    """What else a move writes; None leaves a column as it is, but clears the lease."""

    event: str = ""
    container_id: str | None = None
    container: ContainerState | None = None
    reason: str | None = None
    lease_seconds: float | None = None


NOTHING_ELSE = Change()


_MOVE = f"""
WITH changed AS (
    UPDATE sandbox.sandboxes
    SET state = $4, generation = generation + 1,
        container_id = coalesce($5, container_id),
        container = coalesce($6::jsonb, container),
        reason = coalesce(reason, $7),
        lease_until = now() + $8 * interval '1 second',
        started_at = CASE WHEN $4 = 'running' THEN coalesce(started_at, now())
            ELSE started_at END,
        destroyed_at = CASE WHEN $9 THEN coalesce(destroyed_at, now())
            ELSE destroyed_at END
    WHERE id = $1 AND state = $2 AND generation = $3
    RETURNING {COLUMNS}
), {_LOG.format(event="$10", cause="$11", actor="$12", data="$13")}
SELECT * FROM changed
"""


_CLAIM = f"""
WITH chosen AS (
    SELECT id AS chosen_id, resources AS had FROM sandbox.sandboxes
    WHERE state = 'warm' AND template = $1 AND fingerprint = $2 AND egress = $3
        AND resources -> 'disk_mb' = $4::jsonb -> 'disk_mb'
    ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED
), changed AS (
    UPDATE sandbox.sandboxes
    SET state = 'pending', generation = generation + 1, user_id = $5, api_key_id = $6,
        resources = $4, metadata = $7, created_at = now(), active_at = now(),
        expires_at = now() + $8 * interval '1 second',
        lease_until = now() + $9 * interval '1 second'
    FROM chosen WHERE id = chosen_id
    RETURNING {COLUMNS}, had
), {_LOG.format(event="'created'", cause="'claimed'", actor="$10", data="'{}'")}
SELECT * FROM changed
"""


async def find(connection: "Connection", sandbox_id: UUID) -> Sandbox | None:
    """One sandbox, whatever its state."""
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM sandbox.sandboxes WHERE id = $1", sandbox_id
    )
    return sandbox_of(row) if row else None


async def find_all(connection: "Connection", ids: Sequence[UUID]) -> dict[UUID, Sandbox]:
    """Those of the ids that exist."""
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM sandbox.sandboxes WHERE id = ANY($1)", list(ids)
    )
    return {row["id"]: sandbox_of(row) for row in rows}


async def insert(
    connection: "Connection",
    sandbox_id: UUID,
    new: NewSandbox,
    owner: Owner | None,
    lease_seconds: float,
) -> Sandbox:
    """A row in `pending` and its `created` event; without an owner it is to become warm."""
    row = await connection.fetchrow(
        f"""
        WITH changed AS (
            INSERT INTO sandbox.sandboxes (id, user_id, api_key_id, template, image, state,
                resources, egress, metadata, expires_at, lease_until, fingerprint)
            VALUES ($1, $2, $3, $4, $5, 'pending', $6, $7, $8,
                now() + $9 * interval '1 second', now() + $10 * interval '1 second', $11)
            RETURNING {COLUMNS}
        ), {_LOG.format(event="'created'", cause="$12", actor="$13", data="'{}'")}
        SELECT * FROM changed
        """,
        sandbox_id,
        owner.user_id if owner else None,
        owner.api_key_id if owner else None,
        new.template.name,
        new.image,
        to_json(new.resources),
        new.egress,
        to_json(dict(new.metadata)),
        new.lifetime_seconds if owner else None,
        lease_seconds,
        new.fingerprint,
        "requested" if owner else "warm_pool",
        owner.actor if owner else "system",
    )
    assert row is not None
    return sandbox_of(row)


async def claim(
    connection: "Connection", new: NewSandbox, owner: Owner, lease_seconds: float, fingerprint: str
) -> tuple[Sandbox, Resources] | None:
    """The oldest warm sandbox that fits, now its owner's and `pending`, with the limits it had.

    None when there is none. Disk limits may be the file system's, which cannot be changed later.
    """
    row = await connection.fetchrow(
        _CLAIM,
        new.template.name,
        fingerprint,
        new.egress,
        to_json(new.resources),
        owner.user_id,
        owner.api_key_id,
        to_json(dict(new.metadata)),
        new.lifetime_seconds,
        lease_seconds,
        owner.actor,
    )
    if row is None:
        return None
    values = dict(row)
    had = resources_of(values.pop("had"))
    return sandbox_of(values), had


async def move(
    connection: "Connection",
    sandbox: Sandbox,
    target: State,
    cause: Cause,
    change: Change = NOTHING_ELSE,
) -> Sandbox:
    """The sandbox in its new state, with the event of it.

    The first reason stands. Raises StateChanged when the row is not as `sandbox` says, or when
    there is no way from its state to the target.
    """
    if not allowed(sandbox.state, target):
        raise StateChanged
    row = await connection.fetchrow(
        _MOVE,
        sandbox.id,
        sandbox.state,
        sandbox.generation,
        target,
        change.container_id,
        to_json(change.container) if change.container else None,
        change.reason,
        change.lease_seconds,
        target in ENDED,
        change.event or EVENT_OF_STATE[target],
        cause.cause,
        cause.actor,
        to_json(cause.data),
    )
    if row is None:
        raise StateChanged
    return sandbox_of(row)


async def extend(
    connection: "Connection", sandbox: Sandbox, lifetime_seconds: float, cause: Cause
) -> Sandbox:
    """Expires that long from now. Raises StateChanged when it is not running or paused any more."""
    row = await connection.fetchrow(
        f"""
        WITH changed AS (
            UPDATE sandbox.sandboxes
            SET expires_at = now() + $2 * interval '1 second', active_at = now()
            WHERE id = $1 AND state IN ('running', 'paused')
            RETURNING {COLUMNS}
        ), {_LOG.format(event="'extended'", cause="$3", actor="$4", data="$5")}
        SELECT * FROM changed
        """,
        sandbox.id,
        lifetime_seconds,
        cause.cause,
        cause.actor,
        to_json(cause.data),
    )
    if row is None:
        raise StateChanged
    return sandbox_of(row)
