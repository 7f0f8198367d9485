"""What can be seen of a sandbox beyond its row: container, agent, usage, log."""

import asyncio
import logging
from dataclasses import dataclass
from uuid import UUID

from kit.errors import Failure, Unavailable
from sandbox.errors import ContainerMissing, RuntimeFailed, WrongState
from sandbox.lifecycle.access import IN_USE, require
from sandbox.lifecycle.parts import Parts
from sandbox.models import ContainerState, Event, Port, Sandbox, Usage
from sandbox.repository import events, lists
from sandbox.repository.lists import Filter
from sandbox.repository.quotas import Held, held
from sandbox.states import ENDED, State

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Status:
    """A sandbox and what is seen of it now."""

    sandbox: Sandbox
    connected: bool
    container: ContainerState | None
    ports: list[Port]


async def status(parts: Parts, sandbox: Sandbox, ports: list[Port]) -> Status:
    """Always answers: what cannot be asked now is not connected, or has no container to show."""
    if sandbox.state in ENDED:
        return Status(sandbox, False, sandbox.container, ports)
    container, connected = await parts.sightings.of(sandbox, lambda: _look(parts, sandbox))
    return Status(sandbox, connected, container, ports)


async def _look(parts: Parts, sandbox: Sandbox) -> tuple[ContainerState | None, bool]:
    return await asyncio.gather(_container(parts, sandbox), _connected(parts, sandbox))


async def _container(parts: Parts, sandbox: Sandbox) -> ContainerState | None:
    try:
        return await parts.runtime.inspect(sandbox.id)
    except RuntimeFailed as error:
        logger.warning("no container in a status: %s", error.detail)
        return None


async def _connected(parts: Parts, sandbox: Sandbox) -> bool:
    if sandbox.state is not State.RUNNING:
        return False
    try:
        return sandbox.id in await parts.hub.connected([sandbox.id])
    except Failure as error:
        logger.warning("no connection in a status: %s", error.detail)
        return False


async def usage(parts: Parts, sandbox: Sandbox) -> Usage:
    """What it uses. Raises Unavailable, WrongState, SandboxDestroyed."""
    require(sandbox, IN_USE, "measured")
    try:
        return await parts.runtime.usage(sandbox.id)
    except ContainerMissing:
        raise WrongState("without a container", "measured") from None
    except RuntimeFailed as error:
        raise Unavailable("The runtime does not answer.", retry_after=2) from error


async def log(parts: Parts, sandbox: Sandbox, before: int | None, limit: int) -> list[Event]:
    """Its lifecycle log, newest first; one more than `limit` when there is more."""
    async with parts.database.connection() as connection:
        return await events.of_sandbox(connection, sandbox.id, before, limit + 1)


async def list_owned(parts: Parts, user_id: UUID, wanted: Filter, limit: int) -> list[Sandbox]:
    """A user's sandboxes, newest first; one more than `limit` when there is more."""
    async with parts.database.connection() as connection:
        return await lists.owned(connection, user_id, wanted, limit + 1)


async def holdings(parts: Parts, user_id: UUID, key_id: str | None) -> Held:
    """How much of the quotas is used."""
    async with parts.database.connection() as connection:
        return await held(connection, user_id, key_id, everybody=False)
