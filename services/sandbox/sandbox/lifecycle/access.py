"""Who may touch which sandbox, and in which state."""

import re
from collections.abc import Collection
from uuid import UUID

from kit.caller import Caller
from sandbox.errors import SandboxDestroyed, SandboxNotFound, WrongState
from sandbox.lifecycle.ledger import look_up, look_up_with_ports
from sandbox.lifecycle.parts import Parts
from sandbox.models import Cause, Owner, Port, Sandbox
from sandbox.states import State

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

IN_USE = frozenset({State.RUNNING, State.PAUSED})


async def owned(parts: Parts, caller: Caller, sandbox_id: str) -> Sandbox:
    """The caller's own sandbox. Raises SandboxNotFound for all else: others' do not exist."""
    found = await look_up(parts, _parsed(sandbox_id))
    if found is None or not _is_owner(caller, found):
        raise SandboxNotFound
    return found


async def owned_with_ports(
    parts: Parts, caller: Caller, sandbox_id: str
) -> tuple[Sandbox, list[Port]]:
    """The caller's own sandbox and its exposed ports. Raises SandboxNotFound as `owned` does."""
    found = await look_up_with_ports(parts, _parsed(sandbox_id))
    if found is None or not _is_owner(caller, found[0]):
        raise SandboxNotFound
    return found


def _parsed(sandbox_id: str) -> UUID:
    if not _UUID.fullmatch(sandbox_id):
        raise SandboxNotFound
    return UUID(sandbox_id)


def _is_owner(caller: Caller, sandbox: Sandbox) -> bool:
    return sandbox.user_id is not None and str(sandbox.user_id) == caller.user_id


def require(sandbox: Sandbox, states: Collection[State], act: str) -> None:
    """Raises SandboxDestroyed when it has ended, WrongState in any other state than these."""
    if sandbox.state in states:
        return
    if sandbox.state in (State.DESTROYING, State.DESTROYED):
        raise SandboxDestroyed
    raise WrongState(sandbox.state, act)


def actor_of(caller: Caller) -> str:
    """Who acts, for the lifecycle log."""
    return f"key:{caller.key_prefix or caller.key_id}" if caller.key_id else "user"


def owner_of(caller: Caller) -> Owner:
    """For whom the caller makes sandboxes."""
    return Owner(UUID(caller.user_id), caller.key_id or None, actor_of(caller))


def requested_by(caller: Caller) -> Cause:
    """Because the caller asked for it."""
    return Cause("requested", actor_of(caller))
