"""Writes of state that are told to others as well."""

from uuid import UUID

from sandbox.lifecycle.parts import Parts
from sandbox.models import Cause, Port, Sandbox
from sandbox.repository import ports, sandboxes
from sandbox.repository.sandboxes import EVENT_OF_STATE, NOTHING_ELSE, Change
from sandbox.states import State


async def move(
    parts: Parts, sandbox: Sandbox, target: State, cause: Cause, change: Change = NOTHING_ELSE
) -> Sandbox:
    """The sandbox in its new state. Raises StateChanged when it is not as it was read."""
    async with parts.database.connection() as connection:
        moved = await sandboxes.move(connection, sandbox, target, cause, change)
    parts.announcer.announce(moved, change.event or EVENT_OF_STATE[target])
    return moved


async def look_up(parts: Parts, sandbox_id: UUID) -> Sandbox | None:
    """The sandbox as it is in the table now."""
    async with parts.database.connection() as connection:
        return await sandboxes.find(connection, sandbox_id)


async def look_up_with_ports(parts: Parts, sandbox_id: UUID) -> tuple[Sandbox, list[Port]] | None:
    """The sandbox and its exposed ports as they are in the tables now."""
    async with parts.database.connection() as connection:
        return await ports.with_sandbox(connection, sandbox_id)
