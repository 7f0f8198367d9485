"""A hub for tests: a real gRPC server that speaks hub.v1, with agents as a set of ids."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from kit import rpc
from kit.errors import DeadlineExceeded, Unavailable
from wire.hub.v1 import hub_pb2, hub_pb2_grpc

POLL_SECONDS = 0.01


@dataclass
class FakeHub(hub_pb2_grpc.HubServicer):
    """Every agent connects at once, unless `silent`; those in `lost` are gone again."""

    port: int = 0
    silent: bool = False
    deaf: bool = False
    lost: set[str] = field(default_factory=set)
    configured: dict[str, hub_pb2.ConfigureRequest] = field(default_factory=dict)
    disconnected: dict[str, str] = field(default_factory=dict)
    waits: int = 0

    def connected(self, sandbox_id: str) -> bool:
        return not self.silent and sandbox_id not in self.lost

    async def WaitForAgent(
        self, request: hub_pb2.WaitForAgentRequest, context: Any
    ) -> hub_pb2.WaitForAgentResponse:
        self.waits += 1
        try:
            async with asyncio.timeout(request.timeout_ms / 1000):
                while not self.connected(request.sandbox_id):  # noqa: ASYNC110  (tests flip a flag)
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise DeadlineExceeded("no agent") from None
        return hub_pb2.WaitForAgentResponse(connection_generation=1, agent_version="test")

    async def Configure(
        self, request: hub_pb2.ConfigureRequest, context: Any
    ) -> hub_pb2.ConfigureResponse:
        if self.deaf or not self.connected(request.sandbox_id):
            raise Unavailable("no agent")
        self.configured[request.sandbox_id] = request
        return hub_pb2.ConfigureResponse()

    async def AgentStatus(
        self, request: hub_pb2.AgentStatusRequest, context: Any
    ) -> hub_pb2.AgentStatusResponse:
        return hub_pb2.AgentStatusResponse(
            agents=[
                hub_pb2.AgentState(sandbox_id=name, connected=self.connected(name))
                for name in request.sandbox_ids
            ]
        )

    async def Disconnect(
        self, request: hub_pb2.DisconnectRequest, context: Any
    ) -> hub_pb2.DisconnectResponse:
        self.disconnected[request.sandbox_id] = request.reason
        return hub_pb2.DisconnectResponse()


@contextlib.asynccontextmanager
async def serving(internal_secret: str) -> AsyncIterator[FakeHub]:
    """The hub on a port of its own."""
    hub = FakeHub()
    server = rpc.create_server(internal_secret)
    hub_pb2_grpc.add_HubServicer_to_server(hub, server)  # type: ignore[no-untyped-call]
    hub.port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield hub
    finally:
        await server.stop(0)
