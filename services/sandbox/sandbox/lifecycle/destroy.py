"""Destroy: once, however often it is asked for, and for good."""

import logging
from collections.abc import Sequence
from uuid import UUID

from kit.errors import Failure, Unavailable
from sandbox.errors import RuntimeFailed, StateChanged
from sandbox.lifecycle.ledger import look_up, move
from sandbox.lifecycle.parts import LEASE_SECONDS, Parts
from sandbox.models import Cause, Sandbox
from sandbox.repository import lists
from sandbox.repository.sandboxes import Change
from sandbox.states import State

logger = logging.getLogger(__name__)


async def destroy(parts: Parts, sandbox: Sandbox, cause: Cause) -> None:
    """Returns when its container is gone and the row says so. Raises Unavailable.

    From the first write on it will be destroyed, whatever happens to this process.
    """
    marked = await mark(parts, sandbox, cause)
    if marked is not None:
        await finish(parts, marked, cause)


async def mark(parts: Parts, sandbox: Sandbox, cause: Cause) -> Sandbox | None:
    """The sandbox in `destroying`; None when it is destroyed already."""
    current: Sandbox | None = sandbox
    while current is not None and current.state is not State.DESTROYED:
        if current.state is State.DESTROYING:
            return current
        try:
            change = Change(lease_seconds=LEASE_SECONDS, reason=cause.cause)
            return await move(parts, current, State.DESTROYING, cause, change)
        except StateChanged:
            current = await look_up(parts, sandbox.id)
    return None


async def finish(parts: Parts, sandbox: Sandbox, cause: Cause) -> None:
    """From `destroying` to `destroyed`. Raises Unavailable; then the reconciler tries again."""
    with parts.in_hand.working_on(sandbox.id):
        parts.background.start(parts.hub.disconnect(sandbox.id, cause.cause))
        try:
            await parts.runtime.remove(sandbox.id)
        except RuntimeFailed as error:
            raise Unavailable(
                "The sandbox is being destroyed, but its container is not gone yet.", retry_after=5
            ) from error
        try:
            await move(parts, sandbox, State.DESTROYED, cause)
        except StateChanged:
            logger.debug("somebody else finished", extra={"sandboxId": str(sandbox.id)})


async def destroy_owned(parts: Parts, user_id: UUID, cause: Cause) -> int:
    """Destroys all sandboxes of a user; how many. The containers go in the background."""
    async with parts.database.connection() as connection:
        alive = await lists.alive_of_user(connection, user_id)
    marked = [found for sandbox in alive if (found := await mark(parts, sandbox, cause))]
    if marked:
        parts.background.start(finish_all(parts, marked, cause))
    return len(marked)


async def finish_all(parts: Parts, marked: Sequence[Sandbox], cause: Cause) -> None:
    """One after the other; what cannot be finished now is left to the reconciler."""
    for sandbox in marked:
        try:
            await finish(parts, sandbox, cause)
        except Failure as error:
            logger.warning("left for the reconciler: %s", error.detail)


async def fail(parts: Parts, sandbox: Sandbox, cause: Cause, change: Change) -> None:
    """To `failed`, and whatever container there is goes. Raises StateChanged, RuntimeFailed."""
    await move(parts, sandbox, State.FAILED, cause, change)
    parts.background.start(parts.hub.disconnect(sandbox.id, "failed"))
    await parts.runtime.remove(sandbox.id)
