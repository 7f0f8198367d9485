"""Writes that no state depends on: leases renewed, activity noted, old rows let go."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from sandbox.repository.database import Connection

IDEMPOTENCY_HOURS = 24


async def renew(connection: "Connection", ids: Collection[UUID], lease_seconds: float) -> None:
    """Somebody is still at work on these."""
    await connection.execute(
        "UPDATE sandbox.sandboxes SET lease_until = now() + $2 * interval '1 second' "
        "WHERE id = ANY($1) AND state IN ('pending', 'destroying')",
        list(ids),
        lease_seconds,
    )


async def touch(connection: "Connection", ids: Sequence[UUID]) -> None:
    """These were used just now."""
    await connection.execute(
        "UPDATE sandbox.sandboxes SET active_at = now() WHERE id = ANY($1) AND state = 'running'",
        list(ids),
    )


async def purge(connection: "Connection", retention_seconds: float) -> None:
    """Deletes idempotency keys of more than 24 h and what ended longer ago than the retention."""
    await connection.execute(
        "DELETE FROM sandbox.idempotency WHERE created_at < now() - $1 * interval '1 hour'",
        IDEMPOTENCY_HOURS,
    )
    if retention_seconds > 0:
        await connection.execute(
            "DELETE FROM sandbox.sandboxes WHERE state IN ('destroyed', 'failed') "
            "AND destroyed_at < now() - $1 * interval '1 second'",
            retention_seconds,
        )
