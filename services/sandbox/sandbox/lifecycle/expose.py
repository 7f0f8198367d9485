"""Expose: open a port of a sandbox to everyone, or to holders of its token."""

from uuid import uuid4

from sandbox.errors import PortNotExposed
from sandbox.lifecycle.access import IN_USE, require
from sandbox.lifecycle.parts import Parts
from sandbox.models import Access, Cause, Port, Sandbox
from sandbox.repository import events, ports
from sandbox.states import State


async def expose(parts: Parts, sandbox: Sandbox, number: int, access: Access, cause: Cause) -> Port:
    """The exposed port; asking again changes nothing, unless the access is another."""
    require(sandbox, IN_USE, "exposed")
    async with parts.database.transaction() as connection:
        port, changed = await ports.put(connection, sandbox.id, number, access, uuid4())
        if changed:
            said = Cause(cause.cause, cause.actor, {"containerPort": number, "access": access})
            await events.add(connection, sandbox.id, "exposed", said)
    if changed:
        parts.announcer.announce(sandbox, "exposed")
    return port


async def close(parts: Parts, sandbox: Sandbox, number: int, cause: Cause) -> None:
    """Closes it and spends its token. Raises PortNotExposed when it is not open."""
    require(sandbox, IN_USE, "changed")
    async with parts.database.transaction() as connection:
        if not await ports.delete(connection, sandbox.id, number):
            raise PortNotExposed(number)
        said = Cause(cause.cause, cause.actor, {"containerPort": number})
        await events.add(connection, sandbox.id, "closed", said)
    parts.announcer.announce(sandbox, "closed")


def require_ports(sandbox: Sandbox) -> None:
    """Raises SandboxDestroyed, WrongState: what has ended has no ports."""
    require(sandbox, IN_USE | {State.PENDING}, "asked for its ports")


async def list_ports(parts: Parts, sandbox: Sandbox) -> list[Port]:
    """All that are in the table."""
    async with parts.database.connection() as connection:
        return await ports.of_sandbox(connection, sandbox.id)
