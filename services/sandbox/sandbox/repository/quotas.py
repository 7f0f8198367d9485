"""How many live sandboxes there are, counted under locks that make the count stay true."""

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from sandbox.repository.database import Connection

_SPACE = zlib.crc32(b"insien:sandbox:quota") & 0x7FFFFFFF
"""First half of the advisory lock; the second is of the user, or 0 for everybody."""


@dataclass(frozen=True, slots=True)
class Held:
    """Live sandboxes (pending, running, paused, destroying)."""

    by_user: int
    by_key: int
    by_all: int


async def lock(connection: "Connection", user_id: UUID, *, everybody: bool) -> None:
    """Holds back other creates of this user, or of everybody, until the transaction ends."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock($1, $2)", _SPACE, (user_id.int & 0x7FFFFFFF) or 1
    )
    if everybody:
        await connection.execute("SELECT pg_advisory_xact_lock($1, 0)", _SPACE)


async def held(
    connection: "Connection", user_id: UUID, key_id: str | None, *, everybody: bool
) -> Held:
    """What is held now; `by_all` is only counted when asked for."""
    row = await connection.fetchrow(
        """
        SELECT count(*) FILTER (WHERE user_id = $1) AS by_user,
            count(*) FILTER (WHERE user_id = $1 AND api_key_id = $2) AS by_key,
            count(*) AS by_all
        FROM sandbox.sandboxes
        WHERE state IN ('pending', 'running', 'paused', 'destroying') AND user_id IS NOT NULL
            AND ($3 OR user_id = $1)
        """,
        user_id,
        key_id,
        everybody,
    )
    assert row is not None
    return Held(row["by_user"], row["by_key"], row["by_all"])
