"""Taking a place in the table: quota, idempotency and a warm sandbox, all in one transaction."""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from sandbox.errors import Capacity, QuotaExceeded
from sandbox.lifecycle.parts import LEASE_SECONDS, Parts
from sandbox.models import NewSandbox, Owner, Resources, Sandbox
from sandbox.repository import idempotency, quotas, sandboxes
from sandbox.repository.idempotency import Key

if TYPE_CHECKING:
    from sandbox.repository.database import Connection


@dataclass(frozen=True, slots=True)
class Reserved:
    """A row in `pending`. `had` are a claimed sandbox's limits; None when it is to be started."""

    sandbox: Sandbox
    had: Resources | None = None


@dataclass(frozen=True, slots=True)
class Repeated:
    """The key was used before; what is known about that."""

    record: idempotency.Record


async def reserve(
    parts: Parts, owner: Owner, new: NewSandbox, key: Key | None, *, warm: bool
) -> Reserved | Repeated:
    """A place for the owner's new sandbox. Raises QuotaExceeded, Capacity."""
    settings = parts.settings
    everybody = settings.max_sandboxes > 0
    async with parts.database.transaction() as connection:
        await quotas.lock(connection, owner.user_id, everybody=everybody)
        if key is not None and (record := await idempotency.find(connection, key)):
            return Repeated(record)
        held = await quotas.held(connection, owner.user_id, owner.api_key_id, everybody=everybody)
        _check(parts, owner, held)
        reserved = await _claim(parts, connection, owner, new) if warm else None
        if reserved is None:
            sandbox = await sandboxes.insert(connection, uuid4(), new, owner, LEASE_SECONDS)
            reserved = Reserved(sandbox)
        if key is not None:
            await idempotency.put(connection, key, reserved.sandbox.id)
    parts.announcer.announce(reserved.sandbox, "created")
    if reserved.had is not None:
        parts.pool_changed.set()
    return reserved


def _check(parts: Parts, owner: Owner, held: quotas.Held) -> None:
    settings = parts.settings
    if 0 < settings.max_sandboxes_per_user <= held.by_user:
        raise QuotaExceeded("user", settings.max_sandboxes_per_user)
    if owner.api_key_id and 0 < settings.max_sandboxes_per_key <= held.by_key:
        raise QuotaExceeded("key", settings.max_sandboxes_per_key)
    if 0 < settings.max_sandboxes <= held.by_all:
        raise Capacity


async def _claim(
    parts: Parts, connection: "Connection", owner: Owner, new: NewSandbox
) -> Reserved | None:
    fingerprint = parts.catalog.fingerprint(new.template)
    if new.template.warm == 0 or new.image != new.template.image or not fingerprint:
        return None
    found = await sandboxes.claim(connection, new, owner, LEASE_SECONDS, fingerprint)
    return Reserved(found[0], had=found[1]) if found else None
