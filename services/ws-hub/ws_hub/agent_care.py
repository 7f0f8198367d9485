"""Keeps the agents of this replica: pings, finds dead sockets, renews leases, heeds the news."""

import asyncio
import json
import logging
import time
from typing import Any

import redis.asyncio as redis

from wire.agent.v1.agent_pb2 import Ping, ToAgent
from ws_hub.agent_door import AgentDoor
from ws_hub.agent_link import AgentLink
from ws_hub.leases import RENEW_SECONDS

logger = logging.getLogger(__name__)

PING_BATCH = 200
RETRY_SECONDS = 0.5


async def ping(door: AgentDoor) -> None:
    """Runs for ever: a ping to each agent every interval; three without a word and it is cut."""
    number = 0
    while True:
        await asyncio.sleep(door.ping_seconds)
        number += 1
        frame = ToAgent(ping=Ping(number=number))
        deadline = time.monotonic() - 3 * door.ping_seconds
        for index, link in enumerate(door.roster):
            if link.heard_at < deadline:
                logger.warning("agent is silent", extra={"sandboxId": link.identity.sandbox_id})
                link.abort()
            else:
                link.post(frame)
            if index % PING_BATCH == PING_BATCH - 1:
                await asyncio.sleep(0)


async def renew(door: AgentDoor) -> None:
    """Runs for ever: renews every lease; takes missed ones as soon as Redis is back."""
    while True:
        links = list(door.roster)
        try:
            held = await door.leases.renew([link.identity for link in links])
        except (redis.RedisError, OSError) as error:
            logger.warning("leases not renewed: %s", error)
            for link in links:
                link.leased = False
            await asyncio.sleep(RETRY_SECONDS)
            continue
        for link, mine in zip(links, held, strict=True):
            await _heed(door, link, mine)
        await _until_next(door)


async def _heed(door: AgentDoor, link: AgentLink, mine: bool) -> None:
    if door.roster.get(link.identity.sandbox_id) is not link:
        if mine:  # It left while its lease was renewed.
            await door.release(link)
    elif not mine:
        door.replace(link)
    elif not link.leased:
        link.leased = True
        await door.announce("connected", link.identity)


async def _until_next(door: AgentDoor) -> None:
    deadline = time.monotonic() + RENEW_SECONDS
    while time.monotonic() < deadline:
        await asyncio.sleep(RETRY_SECONDS)
        if any(not link.leased for link in door.roster):
            return


def heed_news(door: AgentDoor, document: dict[str, Any]) -> None:
    """One message of `insien:hub:agents`."""
    sandbox_id = str(document.get("sandboxId"))
    event = document.get("event")
    link = door.roster.get(sandbox_id)
    if (
        link is not None
        and event == "connected"
        and document.get("hubId") != door.leases.hub_id
        and int(document.get("generation", 0)) > link.identity.generation
    ):
        door.replace(link)
    door.roster.stir(sandbox_id)


def parse_news(message: bytes) -> dict[str, Any]:
    """A JSON object from a channel; `{}` for anything else."""
    try:
        value = json.loads(message)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
