"""Exposed ports."""

from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg

from sandbox.models import Access, Port, Sandbox
from sandbox.repository.rows import COLUMNS, sandbox_of

if TYPE_CHECKING:
    from sandbox.repository.database import Connection

_COLUMNS = "port, access, exposure_id, created_at"

_WITH_SANDBOX = f"""
SELECT {COLUMNS}, ARRAY(
    SELECT ({_COLUMNS}) FROM sandbox.ports WHERE sandbox_id = sandboxes.id ORDER BY port
) AS ports
FROM sandbox.sandboxes WHERE id = $1
"""


def _port(row: asyncpg.Record) -> Port:
    return Port(row["port"], row["access"], row["exposure_id"], row["created_at"])


async def with_sandbox(
    connection: "Connection", sandbox_id: UUID
) -> tuple[Sandbox, list[Port]] | None:
    """One sandbox, whatever its state, and its ports by number, in one question."""
    row = await connection.fetchrow(_WITH_SANDBOX, sandbox_id)
    if row is None:
        return None
    values = dict(row)
    found = [Port(*fields) for fields in values.pop("ports")]
    return sandbox_of(values), found


async def of_sandbox(connection: "Connection", sandbox_id: UUID) -> list[Port]:
    """All of a sandbox, by number."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM sandbox.ports WHERE sandbox_id = $1 ORDER BY port", sandbox_id
    )
    return [_port(row) for row in rows]


async def put(
    connection: "Connection", sandbox_id: UUID, port: int, access: Access, exposure_id: UUID
) -> tuple[Port, bool]:
    """The port, exposed with that access, and whether that changed anything."""
    row = await connection.fetchrow(
        f"""
        INSERT INTO sandbox.ports AS p (sandbox_id, port, access, exposure_id)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (sandbox_id, port) DO UPDATE
            SET access = excluded.access, exposure_id = excluded.exposure_id
            WHERE p.access <> excluded.access
        RETURNING {_COLUMNS}
        """,
        sandbox_id,
        port,
        access,
        exposure_id,
    )
    if row is not None:
        return _port(row), True
    existing = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM sandbox.ports WHERE sandbox_id = $1 AND port = $2",
        sandbox_id,
        port,
    )
    assert existing is not None
    return _port(existing), False


async def delete(connection: "Connection", sandbox_id: UUID, port: int) -> bool:
    """Closes the port; False when it was not exposed."""
    done = await connection.execute(
        "DELETE FROM sandbox.ports WHERE sandbox_id = $1 AND port = $2", sandbox_id, port
    )
    return done == "DELETE 1"
