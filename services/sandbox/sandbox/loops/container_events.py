"""The runtime's own events: a hint to look sooner, never a source of truth."""

import asyncio

from sandbox.lifecycle.parts import Parts
from sandbox.loops.turning import attempt

RETRY_SECONDS = 1.0


async def run(parts: Parts) -> None:
    """Listens for ever, again after every loss; only the leader runs this."""

    async def listen() -> None:
        async for _ in parts.runtime.changes():
            parts.look_again.set()

    while True:
        await attempt("container events", listen())
        await asyncio.sleep(RETRY_SECONDS)
