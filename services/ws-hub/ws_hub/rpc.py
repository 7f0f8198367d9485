"""hub.v1: what the other services ask; any replica answers."""

import asyncio
import logging
import time
from typing import Any

import redis.asyncio as redis

from kit.errors import DeadlineExceeded, ValidationFailed
from wire.agent.v1 import agent_pb2
from wire.hub.v1 import hub_pb2
from wire.hub.v1.hub_pb2_grpc import HubServicer
from ws_hub.calls import collect
from ws_hub.directory import Directory
from ws_hub.errors import AgentDisconnected
from ws_hub.feed import AGAIN_SECONDS
from ws_hub.leases import Leases
from ws_hub.link import LinkLost
from ws_hub.roster import Roster
from ws_hub.stream import StreamLost
from ws_hub.upgrade import canonical

logger = logging.getLogger(__name__)

MAX_WAIT_MS = 120_000
MAX_STATUS = 1000
CONFIGURE_SECONDS = 5.0


class HubRpc(HubServicer):
    """Answers about agents, wherever they are connected. `let_go` ends a sandbox's sockets here."""

    def __init__(self, roster: Roster, leases: Leases, directory: Directory, let_go: Any) -> None:
        self._roster = roster
        self._leases = leases
        self._directory = directory
        self._let_go = let_go

    async def WaitForAgent(
        self, request: hub_pb2.WaitForAgentRequest, context: Any
    ) -> hub_pb2.WaitForAgentResponse:
        if not 1 <= request.timeout_ms <= MAX_WAIT_MS:
            raise ValidationFailed.of("timeout_ms", f"must be from 1 to {MAX_WAIT_MS}")
        sandbox_id = canonical(request.sandbox_id)
        try:
            await self._directory.wait(sandbox_id, request.timeout_ms / 1000)
        except AgentDisconnected:
            raise DeadlineExceeded("The agent has not connected in time.") from None
        local = self._roster.get(sandbox_id)
        if local is not None:
            identity = local.identity
            return hub_pb2.WaitForAgentResponse(
                connection_generation=identity.generation, agent_version=identity.version
            )
        lease = await self._directory.lease(sandbox_id)
        return hub_pb2.WaitForAgentResponse(
            connection_generation=lease.generation if lease else 0,
            agent_version=lease.version if lease else "",
        )

    async def Configure(
        self, request: hub_pb2.ConfigureRequest, context: Any
    ) -> hub_pb2.ConfigureResponse:
        sandbox_id = canonical(request.sandbox_id)
        configure = agent_pb2.Configure(
            generation=request.generation,
            env=[agent_pb2.Variable(name=v.name, value=v.value) for v in request.env],
            user=request.user,
            workdir=request.workdir,
            now_ms=int(time.time() * 1000),
        )
        try:
            async with asyncio.timeout(CONFIGURE_SECONDS):
                while not await self._configure(sandbox_id, configure):  # noqa: ASYNC110  (a pause)
                    await asyncio.sleep(AGAIN_SECONDS)
        except TimeoutError:
            raise DeadlineExceeded("The agent does not answer.") from None
        return hub_pb2.ConfigureResponse()

    async def _configure(self, sandbox_id: str, configure: agent_pb2.Configure) -> bool:
        """False when the way broke: the agent applies a generation once, so it is asked again."""
        link = await self._directory.find(sandbox_id)
        if link is None:
            raise AgentDisconnected()
        try:
            async with link.open(agent_pb2.Open(configure=configure)) as stream:
                await collect(stream)
        except (StreamLost, LinkLost):
            return False
        return True

    async def AgentStatus(
        self, request: hub_pb2.AgentStatusRequest, context: Any
    ) -> hub_pb2.AgentStatusResponse:
        asked = list(request.sandbox_ids)
        if len(asked) > MAX_STATUS:
            raise ValidationFailed.of("sandbox_ids", f"at most {MAX_STATUS}")
        elsewhere = [item for item in asked if self._roster.get(item) is None]
        try:
            found = dict(zip(elsewhere, await self._leases.find_many(elsewhere), strict=True))
        except (redis.RedisError, OSError) as error:
            logger.warning("leases cannot be read: %s", error)
            found = {}
        states = []
        for sandbox_id in asked:
            state = hub_pb2.AgentState(sandbox_id=sandbox_id)
            local, lease = self._roster.get(sandbox_id), found.get(sandbox_id)
            if local is not None:
                state.connected, state.hub_id = True, self._leases.hub_id
                state.connection_generation = local.identity.generation
            elif lease is not None and lease.hub_id != self._leases.hub_id:
                state.connected, state.hub_id = True, lease.hub_id
                state.connection_generation = lease.generation
            states.append(state)
        return hub_pb2.AgentStatusResponse(agents=states)

    async def Disconnect(
        self, request: hub_pb2.DisconnectRequest, context: Any
    ) -> hub_pb2.DisconnectResponse:
        sandbox_id = canonical(request.sandbox_id)
        self._let_go(sandbox_id, request.reason)
        try:
            await self._leases.announce("let_go", sandbox_id, 0, reason=request.reason)
        except (redis.RedisError, OSError) as error:
            logger.warning("not announced: %s", error)
        return hub_pb2.DisconnectResponse()
