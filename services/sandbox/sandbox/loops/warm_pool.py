"""The warm pool: per template, started and connected sandboxes that nobody owns yet."""

import asyncio
import logging
from collections import Counter
from uuid import UUID, uuid4

from kit.errors import Failure
from sandbox.lifecycle.destroy import destroy
from sandbox.lifecycle.parts import LEASE_SECONDS, Parts
from sandbox.lifecycle.start import start
from sandbox.loops.turning import each, turn_for_ever
from sandbox.models import Cause, NewSandbox, Sandbox, Template
from sandbox.repository import lists, sandboxes
from sandbox.states import State

logger = logging.getLogger(__name__)

TURN_SECONDS = 2.0
IMAGE_SECONDS = 5.0
REST_SECONDS = 2.0
AT_ONCE = 2
MISSES = 3


async def watch_images(parts: Parts) -> None:
    """Keeps what image names stand for, for ever; every replica that claims must know it."""
    await turn_for_ever("images", lambda: see_images(parts), IMAGE_SECONDS)


async def see_images(parts: Parts) -> None:
    """Looks at the images of all templates that have warm sandboxes."""
    for image in {t.image for t in parts.catalog.templates.values() if t.warm > 0}:
        image_id = await parts.runtime.image_id(image)
        if image_id is not None:
            parts.catalog.saw_image(image, image_id)


async def run(parts: Parts) -> None:
    """Replaces and refills for ever; only the leader runs this."""
    pool = WarmPool(parts)
    await turn_for_ever("warm pool", pool.turn, TURN_SECONDS, parts.pool_changed)


async def drain(parts: Parts) -> int:
    """Destroys all warm sandboxes; how many."""
    async with parts.database.connection() as connection:
        warm = await lists.in_states(connection, (State.WARM,))
    await each("drain", warm, lambda sandbox: destroy(parts, sandbox, Cause("drained")))
    return len(warm)


class WarmPool:
    """Remembers how often the agent of a warm sandbox was missed."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._missed: Counter[UUID] = Counter()

    async def turn(self) -> None:
        """Destroys what is stale, too much or without its agent; starts what is missing."""
        parts = self._parts
        await see_images(parts)
        async with parts.database.connection() as connection:
            rows = await lists.in_states(connection, (State.WARM, State.PENDING))
        warm = [row for row in rows if row.state is State.WARM]
        starting = [row for row in rows if row.state is State.PENDING and row.user_id is None]
        lost = await self._lost(warm)
        useless = [row for row in warm if not self._fits(row) or row.id in lost]
        await each("stale", useless, lambda row: destroy(parts, row, Cause("stale")))
        gone = {row.id for row in useless}
        kept = [row for row in [*warm, *starting] if row.id not in gone and self._fits(row)]
        await self._balance(kept)

    def _fits(self, row: Sandbox) -> bool:
        template = self._parts.catalog.get(row.template)
        if template is None or template.warm == 0:
            return False
        return row.fingerprint == self._parts.catalog.fingerprint(template)

    async def _lost(self, warm: list[Sandbox]) -> set[UUID]:
        """Those whose agent was missed several times in a row; a hub that restarts is no loss."""
        if not warm:
            self._missed.clear()
            return set()
        try:
            connected = await self._parts.hub.connected([row.id for row in warm])
        except Failure as error:
            logger.info("cannot ask for agents: %s", error)
            return set()
        missing = {row.id for row in warm} - connected
        self._missed = Counter({key: self._missed[key] + 1 for key in missing})
        return {key for key, count in self._missed.items() if count >= MISSES}

    async def _balance(self, kept: list[Sandbox]) -> None:
        """Destroys what is too much; starts a few of what is missing, and asks for another turn."""
        wanted: list[Template] = []
        for template in self._parts.catalog.templates.values():
            have = [row for row in kept if row.template == template.name]
            surplus = [row for row in have if row.state is State.WARM][template.warm :]
            await each("surplus", surplus, lambda row: destroy(self._parts, row, Cause("surplus")))
            if self._parts.catalog.fingerprint(template):
                wanted += [template] * (template.warm - len(have))
        if wanted:
            done = await asyncio.gather(*(self._add(each) for each in wanted[:AT_ONCE]))
            if all(done):
                self._parts.pool_changed.set()
            else:
                await asyncio.sleep(REST_SECONDS)

    async def _add(self, template: Template) -> bool:
        parts = self._parts
        fingerprint = parts.catalog.fingerprint(template)
        new = NewSandbox(template, template.image, template.resources, "full", {}, 0, fingerprint)
        async with parts.database.connection() as connection:
            row = await sandboxes.insert(connection, uuid4(), new, None, LEASE_SECONDS)
        try:
            await start(parts, row, template, None)
        except Failure as error:
            logger.warning("no warm %s: %s", template.name, error)
            return False
        return True
