"""Create: claim a warm sandbox or start one; the same key and body get the same answer."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from kit.errors import Failure
from sandbox.errors import IdempotencyConflict, SandboxDestroyed
from sandbox.lifecycle.ledger import look_up
from sandbox.lifecycle.parts import Parts
from sandbox.lifecycle.reserve import Repeated, Reserved, reserve
from sandbox.lifecycle.start import failure_of, start, take_over
from sandbox.models import NewSandbox, Owner, Sandbox
from sandbox.repository import idempotency
from sandbox.repository.idempotency import Key, Record
from sandbox.states import State

POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Wanted:
    """A create. `env` does not print: its values are secrets."""

    new: NewSandbox
    env: Mapping[str, str] = field(repr=False)
    wait: bool
    key: Key | None


async def create(parts: Parts, owner: Owner, wanted: Wanted) -> Sandbox:
    """The owner's new sandbox: running, or pending when it is not to be waited for.

    Raises QuotaExceeded, Capacity, IdempotencyConflict, Unavailable, DeadlineExceeded.
    """
    reserved = await reserve(parts, owner, wanted.new, wanted.key, warm=True)
    if isinstance(reserved, Repeated):
        return await _first_answer(parts, wanted, reserved.record)
    if reserved.had is not None:
        try:
            claimed = await _take_over(parts, reserved, wanted)
        except SandboxDestroyed:
            raise
        except Failure:
            # The warm one was no good, and is gone; the owner gets one made for them.
            reserved = await reserve(parts, owner, wanted.new, wanted.key, warm=False)
            if isinstance(reserved, Repeated):
                return await _first_answer(parts, wanted, reserved.record)
        else:
            return await _answered(parts, wanted, claimed)
    if wanted.wait:
        started = await start(parts, reserved.sandbox, wanted.new.template, wanted.env)
        return await _answered(parts, wanted, started)
    parts.in_hand.ids.add(reserved.sandbox.id)
    parts.background.start(_start_later(parts, reserved.sandbox, wanted))
    return await _answered(parts, wanted, reserved.sandbox)


async def _take_over(parts: Parts, reserved: Reserved, wanted: Wanted) -> Sandbox:
    assert reserved.had is not None
    template = wanted.new.template
    return await take_over(parts, reserved.sandbox, reserved.had, template, wanted.env)


async def _start_later(parts: Parts, sandbox: Sandbox, wanted: Wanted) -> None:
    """The caller has gone: what goes wrong stands in the row and in the log."""
    try:
        await start(parts, sandbox, wanted.new.template, wanted.env)
    except Failure:
        return


async def _answered(parts: Parts, wanted: Wanted, sandbox: Sandbox) -> Sandbox:
    if wanted.key is not None:
        async with parts.database.connection() as connection:
            await idempotency.answered(connection, wanted.key, sandbox)
    return sandbox


async def _first_answer(parts: Parts, wanted: Wanted, record: Record) -> Sandbox:
    """What the first request with this key was answered, once it is."""
    assert wanted.key is not None
    if record.body_digest != wanted.key.body_digest:
        raise IdempotencyConflict
    sandbox_id = record.sandbox_id
    while True:
        async with parts.database.connection() as connection:
            latest = await idempotency.find(connection, wanted.key)
        sandbox = await look_up(parts, sandbox_id)
        if sandbox is None:
            raise SandboxDestroyed
        if latest is not None and latest.state is not None:
            return replace(sandbox, state=latest.state, expires_at=latest.expires_at)
        if sandbox.state is State.FAILED:
            if latest is None or latest.sandbox_id == sandbox_id:
                raise failure_of(sandbox.reason)
            sandbox_id = latest.sandbox_id
        elif sandbox.state is not State.PENDING:
            return sandbox
        await asyncio.sleep(POLL_SECONDS)
