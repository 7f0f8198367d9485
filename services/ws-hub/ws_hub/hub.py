"""One replica: its parts, made and wired once, and what runs beside the requests."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

import redis.asyncio as redis

from kit import bus
from kit.caller import CallerTokens
from kit.rpc import Rpc
from ws_hub import agent_care
from ws_hub.activity import Activity
from ws_hub.agent_door import AgentDoor
from ws_hub.client_door import ClientDoor
from ws_hub.directory import Directory
from ws_hub.feed import Waits
from ws_hub.leases import AGENTS_CHANNEL, Leases
from ws_hub.news import EVENTS_CHANNEL, REVOCATIONS_CHANNEL, News
from ws_hub.post import Post, inbox
from ws_hub.relay import PING_SECONDS, Relay
from ws_hub.roster import Roster
from ws_hub.sandboxes import Sandboxes
from ws_hub.settings import HubSettings
from ws_hub.switchboard import Switchboard
from ws_hub.tunnel import TunnelDoor
from ws_hub.upgrade import Upgrades


@dataclass(frozen=True, slots=True)
class Hub:
    """The parts of one replica that others ask for."""

    hub_id: str
    client: "redis.Redis"
    rpc: Rpc
    roster: Roster
    leases: Leases
    relay: Relay
    switchboard: Switchboard
    agents: AgentDoor
    clients: ClientDoor
    upgrades: Upgrades
    news: News

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """What runs beside the requests, for as long as the block."""
        async with asyncio.TaskGroup() as tasks:
            loops = [
                tasks.create_task(loop)
                for loop in (
                    agent_care.ping(self.agents),
                    agent_care.renew(self.agents),
                    self.relay.post.run(),
                    self._watch_peers(),
                    bus.subscribe(
                        self.client, [inbox(self.hub_id)], self.relay.receive, self.relay.gap
                    ),
                    bus.subscribe(
                        self.client,
                        [AGENTS_CHANNEL, EVENTS_CHANNEL, REVOCATIONS_CHANNEL],
                        self.news.receive,
                        self.news.gap,
                    ),
                    self.switchboard.activity.report(),
                )
            ]
            try:
                yield
            finally:
                for loop in loops:
                    loop.cancel()

    async def _watch_peers(self) -> None:
        while True:
            await asyncio.sleep(PING_SECONDS)
            self.relay.check_peers(time.monotonic())

    async def close(self) -> None:
        """Closes what was opened to other parts."""
        await self.rpc.close()
        await self.client.aclose()


def create(settings: HubSettings, callers: CallerTokens) -> Hub:
    """Wires one replica."""
    hub_id = uuid.uuid4().hex
    client = bus.connect(settings.redis_url.get_secret_value())
    rpc = Rpc(settings.sandbox_grpc, settings.internal_secret.get_secret_value())
    roster = Roster()
    leases = Leases(client, hub_id)
    relay = _relay(hub_id, roster, client)
    directory = Directory(roster, leases, relay.link)
    sandboxes = Sandboxes(rpc)
    waits = Waits(
        settings.agent_wait_seconds.total_seconds(),
        settings.resume_wait_seconds.total_seconds(),
        settings.operation_timeout_seconds.total_seconds(),
    )
    switchboard = Switchboard(
        sandboxes, directory, Activity(rpc), waits, settings.output_limit_bytes
    )
    secret = settings.jwt_secret.get_secret_value()
    agents = AgentDoor(roster, leases, secret, settings.ping_interval_seconds.total_seconds())
    clients = ClientDoor(switchboard, callers, settings.slow_reader_seconds.total_seconds())
    upgrades = Upgrades(
        {
            "agent": agents.admit,
            "client": clients.admit,
            "tunnel": TunnelDoor(switchboard, callers).admit,
        }
    )
    news = News(agents, clients, sandboxes)
    return Hub(
        hub_id, client, rpc, roster, leases, relay, switchboard, agents, clients, upgrades, news
    )


def _relay(hub_id: str, roster: Roster, client: "redis.Redis") -> Relay:
    relay: Relay

    def unheard(peer: str) -> None:
        relay.unheard(peer)

    relay = Relay(hub_id, roster, Post(client, unheard))
    return relay
