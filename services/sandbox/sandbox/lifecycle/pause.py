"""Pause and resume. The table is written first: the reconciler makes the container agree."""

from kit.errors import Unavailable
from sandbox.errors import RuntimeFailed, SandboxDestroyed, StateChanged, WrongState
from sandbox.lifecycle.access import IN_USE, require
from sandbox.lifecycle.ledger import look_up, move
from sandbox.lifecycle.parts import Parts
from sandbox.models import Cause, Sandbox
from sandbox.repository.sandboxes import Change
from sandbox.states import State


async def pause(parts: Parts, sandbox: Sandbox, cause: Cause) -> Sandbox:
    """Frozen, memory kept, expiry running on; twice is once."""
    paused = await _reach(parts, sandbox, State.PAUSED, Change(event="paused"), cause)
    try:
        await parts.runtime.pause(sandbox.id)
    except RuntimeFailed as error:
        raise Unavailable("The sandbox will be paused soon.", retry_after=2) from error
    return paused


async def resume(parts: Parts, sandbox: Sandbox, cause: Cause) -> Sandbox:
    """Runs on where it was; twice is once."""
    resumed = await _reach(parts, sandbox, State.RUNNING, Change(event="resumed"), cause)
    try:
        await parts.runtime.resume(sandbox.id)
    except RuntimeFailed as error:
        raise Unavailable("The sandbox will run on soon.", retry_after=2) from error
    return resumed


async def _reach(
    parts: Parts, sandbox: Sandbox, target: State, change: Change, cause: Cause
) -> Sandbox:
    current: Sandbox | None = sandbox
    for _ in range(5):
        if current is None:
            raise SandboxDestroyed
        require(current, IN_USE, change.event)
        if current.state is target:
            return current
        try:
            return await move(parts, current, target, cause, change)
        except StateChanged:
            current = await look_up(parts, sandbox.id)
    raise WrongState(sandbox.state, change.event)
