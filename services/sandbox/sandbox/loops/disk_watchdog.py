"""The disk watchdog: a sandbox whose writable layer has outgrown its limit is stopped."""

import logging

from sandbox.lifecycle.destroy import fail
from sandbox.lifecycle.parts import Parts
from sandbox.loops.turning import each, turn_for_ever
from sandbox.models import Cause, Sandbox
from sandbox.repository import lists
from sandbox.repository.sandboxes import Change
from sandbox.states import SETTLED

logger = logging.getLogger(__name__)


async def run(parts: Parts) -> None:
    """Looks for ever; only the leader runs this."""
    seconds = parts.settings.disk_check_seconds.total_seconds()
    await turn_for_ever("disk watchdog", lambda: one_look(parts), seconds)


async def one_look(parts: Parts) -> None:
    """One question to the runtime for all sandboxes: it walks every layer, so not more often."""
    async with parts.database.connection() as connection:
        rows = await lists.in_states(connection, tuple(SETTLED))
    if not rows:
        return
    sizes = await parts.runtime.disk_bytes([row.id for row in rows])

    async def stop(sandbox: Sandbox) -> None:
        data = {"diskBytes": sizes[sandbox.id], "limitBytes": sandbox.resources.disk_bytes}
        logger.info("disk limit passed", extra={"sandboxId": str(sandbox.id), **data})
        await fail(parts, sandbox, Cause("disk_limit", data=data), Change(reason="disk_limit"))

    over = [row for row in rows if sizes.get(row.id, 0) > row.resources.disk_bytes]
    await each("disk watchdog", over, stop)
