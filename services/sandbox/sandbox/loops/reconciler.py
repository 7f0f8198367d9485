"""The reconciler: makes the runtime agree with the table, or the table say what was lost."""

import time

from sandbox.errors import StateChanged
from sandbox.lifecycle.destroy import destroy, fail, finish
from sandbox.lifecycle.ledger import look_up
from sandbox.lifecycle.parts import Parts
from sandbox.loops.turning import attempt, each, turn_for_ever
from sandbox.models import Cause, FoundContainer, Sandbox
from sandbox.repository import idempotency, lists, sandboxes, upkeep
from sandbox.repository.sandboxes import Change
from sandbox.states import ENDED, SETTLED, State

PURGE_SECONDS = 600.0
_ALIVE = ("running", "paused", "restarting")


async def run(parts: Parts) -> None:
    """Passes for ever; only the leader runs this."""
    purged_at = 0.0

    async def turn() -> None:
        nonlocal purged_at
        await one_pass(parts)
        if time.monotonic() - purged_at > PURGE_SECONDS:
            purged_at = time.monotonic()
            await attempt("purge", _purge(parts))

    seconds = parts.settings.reconcile_seconds.total_seconds()
    await turn_for_ever("reconciler", turn, seconds, parts.look_again)


async def one_pass(parts: Parts) -> None:
    """Everything once. Each step goes on when another one fails."""
    await attempt("expiry", _expire(parts))
    await attempt("abandoned", _finish_abandoned(parts))
    await attempt("containers", _compare(parts))


async def _expire(parts: Parts) -> None:
    idle_seconds = parts.settings.sandbox_idle_timeout_seconds.total_seconds()
    async with parts.database.connection() as connection:
        expired = await lists.expired(connection)
        idle = await lists.idle(connection, idle_seconds) if idle_seconds > 0 else []
    await each("expiry", expired, lambda sandbox: destroy(parts, sandbox, Cause("expired")))
    await each("idle", idle, lambda sandbox: destroy(parts, sandbox, Cause("idle")))


async def _finish_abandoned(parts: Parts) -> None:
    async with parts.database.connection() as connection:
        abandoned = await lists.abandoned(connection)

    async def take_over(sandbox: Sandbox) -> None:
        if sandbox.state is State.DESTROYING:
            await finish(parts, sandbox, Cause(sandbox.reason or "taken_over"))
            return
        async with parts.database.connection() as connection:
            await idempotency.forget(connection, sandbox.id)
        await fail(parts, sandbox, Cause("interrupted"), Change(reason="interrupted"))

    mine = parts.in_hand.ids
    await each("abandoned", [s for s in abandoned if s.id not in mine], take_over)


async def _compare(parts: Parts) -> None:
    # Rows before containers: a row that was settled then must have its container now, unless
    # somebody has changed the row since, which the compare-and-set of each write notices.
    async with parts.database.connection() as connection:
        rows = await lists.in_states(connection, tuple(SETTLED))
    found = {container.sandbox_id: container for container in await parts.runtime.list_containers()}

    async def mend(sandbox: Sandbox) -> None:
        await _mend(parts, sandbox, found.get(sandbox.id))

    await each("mend", [row for row in rows if _differs(row, found.get(row.id))], mend)
    settled = {row.id for row in rows}
    await _sweep(parts, [c for c in found.values() if c.sandbox_id not in settled])


def _differs(sandbox: Sandbox, container: FoundContainer | None) -> bool:
    wanted = "paused" if sandbox.state is State.PAUSED else "running"
    return container is None or container.status != wanted


async def _mend(parts: Parts, sandbox: Sandbox, container: FoundContainer | None) -> None:
    latest = await look_up(parts, sandbox.id)
    if latest is None or latest.generation != sandbox.generation:
        raise StateChanged
    if container is None or container.status not in _ALIVE:
        await _fail_lost(parts, sandbox)
    elif sandbox.state is State.PAUSED:
        await parts.runtime.pause(sandbox.id)
    elif container.status == "paused":
        await parts.runtime.resume(sandbox.id)


async def _fail_lost(parts: Parts, sandbox: Sandbox) -> None:
    state = await parts.runtime.inspect(sandbox.id)
    if state is None:
        await fail(parts, sandbox, Cause("container_lost"), Change(reason="container_lost"))
    elif not state.running:
        reason = "oom_killed" if state.oom_killed else "container_exited"
        cause = Cause(reason, data={"exitCode": state.exit_code})
        await fail(parts, sandbox, cause, Change(reason=reason, container=state))


async def _sweep(parts: Parts, others: list[FoundContainer]) -> None:
    """Removes containers of sandboxes that have ended, and old ones that no row knows."""
    async with parts.database.connection() as connection:
        known = await sandboxes.find_all(connection, [container.sandbox_id for container in others])
    grace = parts.settings.stray_grace_seconds.total_seconds()

    def is_stray(container: FoundContainer) -> bool:
        row = known.get(container.sandbox_id)
        if row is None:
            return container.age_seconds >= grace
        return row.state in ENDED

    async def remove(container: FoundContainer) -> None:
        await parts.runtime.remove(container.sandbox_id)

    await each("sweep", [container for container in others if is_stray(container)], remove)


async def _purge(parts: Parts) -> None:
    seconds = parts.settings.sandbox_retention_seconds.total_seconds()
    async with parts.database.connection() as connection:
        await upkeep.purge(connection, seconds)
