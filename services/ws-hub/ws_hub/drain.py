"""The end of a replica: nothing new, agents sent elsewhere one by one, streams finished."""

import asyncio
import logging
import random
import time
from collections.abc import Sequence

from websockets.asyncio.server import Server

from ws_hub.hub import Hub

logger = logging.getLogger(__name__)

SPREAD_MS_PER_AGENT = 4
MAX_SPREAD_MS = 5000
CLIENT_SECONDS = 5.0
STEP_SECONDS = 0.1


async def drain(hub: Hub, servers: Sequence[Server], seconds: float) -> None:
    """Lets everyone go; returns when nobody is left, or after `seconds`."""
    deadline = time.monotonic() + seconds
    logger.info("draining", extra={"agents": len(hub.roster), "seconds": seconds})
    hub.agents.draining = True
    hub.clients.draining = True
    for server in servers:
        server.close(close_connections=False)
    clients = time.monotonic() + min(CLIENT_SECONDS, seconds / 2)
    agents = time.monotonic() + seconds / 2
    spread = min(MAX_SPREAD_MS, SPREAD_MS_PER_AGENT * len(hub.roster))
    while time.monotonic() < deadline:
        now = time.monotonic()
        hub.clients.drain(force=now >= clients)
        for link in hub.roster:
            if not link.busy or now >= agents:
                hub.agents.dismiss(link, "draining", random.randint(0, spread))
        if not len(hub.roster) and not hub.clients.count:
            break
        await asyncio.sleep(STEP_SECONDS)
    left = max(0.5, deadline - time.monotonic())
    await asyncio.gather(*(_closed(server, left) for server in servers))


async def _closed(server: Server, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await server.wait_closed()
    except TimeoutError:
        for connection in server.connections:
            connection.transport.abort()
