"""What the use cases work with."""

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from kit.caller import SandboxTokens
from sandbox.addresses import Addresses, PortTokens
from sandbox.announcer import Announcer
from sandbox.hub import Hub
from sandbox.lifecycle.sightings import Sightings
from sandbox.models import ContainerState
from sandbox.repository.database import Database
from sandbox.runtime.seam import Runtime
from sandbox.settings import SandboxSettings
from sandbox.templates import Catalog

logger = logging.getLogger(__name__)

LEASE_SECONDS = 12.0
"""Whoever works on a transient state says so at least that often (`loops.leases`)."""


class Background:
    """Work that outlives its request, owned by the service's task group."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self._tasks = tasks
        self._running: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs beside everything else; what it raises is logged and ends nothing but itself."""
        task = self._tasks.create_task(_logged(work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def finish(self, seconds: float) -> None:
        """Returns when nothing runs any more, or after that time."""
        if self._running:
            await asyncio.wait(set(self._running), timeout=seconds)

    def cancel(self) -> None:
        """Ends what still runs; each of them leaves things as the reconciler expects."""
        for task in self._running:
            task.cancel()


async def _logged(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception:
        # Unhandled, it would take down the task group and with it the whole service.
        logger.exception("background work failed")


class InHand:
    """Sandboxes in a transient state that this process is at work on."""

    def __init__(self) -> None:
        self.ids: set[UUID] = set()

    @contextmanager
    def working_on(self, sandbox_id: UUID) -> Iterator[None]:
        """While the block runs, the sandbox's lease is renewed."""
        self.ids.add(sandbox_id)
        try:
            yield
        finally:
            self.ids.discard(sandbox_id)


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything, made once by `app`.

    `slots` bounds how many containers are started at once; `pool_changed` and `look_again` wake
    the warm pool and the reconciler before their time.
    """

    settings: SandboxSettings
    catalog: Catalog
    database: Database
    runtime: Runtime
    hub: Hub
    announcer: Announcer
    addresses: Addresses
    port_tokens: PortTokens
    access_tokens: SandboxTokens
    slots: asyncio.Semaphore
    background: Background
    in_hand: InHand = field(default_factory=InHand)
    pool_changed: asyncio.Event = field(default_factory=asyncio.Event)
    look_again: asyncio.Event = field(default_factory=asyncio.Event)
    sightings: Sightings[tuple[ContainerState | None, bool]] = field(default_factory=Sightings)
