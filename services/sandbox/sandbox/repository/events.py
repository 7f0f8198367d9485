"""The lifecycle log: only ever added to."""

import json
from typing import TYPE_CHECKING
from uuid import UUID

from sandbox.models import Cause, Event
from sandbox.repository.rows import to_json

if TYPE_CHECKING:
    from sandbox.repository.database import Connection


async def add(connection: "Connection", sandbox_id: UUID, event: str, cause: Cause) -> None:
    """One line."""
    await connection.execute(
        "INSERT INTO sandbox.events (sandbox_id, type, cause, actor, data) "
        "VALUES ($1, $2, $3, $4, $5)",
        sandbox_id,
        event,
        cause.cause,
        cause.actor,
        to_json(cause.data),
    )


async def of_sandbox(
    connection: "Connection", sandbox_id: UUID, before: int | None, limit: int
) -> list[Event]:
    """Newest first, below number `before`; nothing of the time before it had its owner."""
    rows = await connection.fetch(
        """
        SELECT number, at, type, cause, actor, data FROM sandbox.events
        WHERE sandbox_id = $1 AND ($2::bigint IS NULL OR number < $2)
            AND at >= (SELECT created_at FROM sandbox.sandboxes WHERE id = $1)
        ORDER BY number DESC LIMIT $3
        """,
        sandbox_id,
        before,
        limit,
    )
    return [
        Event(r["number"], r["at"], r["type"], r["cause"], r["actor"], json.loads(r["data"]))
        for r in rows
    ]
