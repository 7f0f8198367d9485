"""ws-hub, as this service sees it: agents connected, configured and let go."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

import grpc

from kit.errors import DeadlineExceeded, Failure, Unavailable
from kit.rpc import Rpc
from sandbox.models import Sandbox, Template
from wire.hub.v1 import hub_pb2, hub_pb2_grpc

logger = logging.getLogger(__name__)

CALL_SECONDS = 5.0
STATUS_SECONDS = 2.0
BATCH = 1000

A = TypeVar("A")


class Hub:
    """The hub over gRPC; any of its replicas answers.

    Calls raise Unavailable when the agent is not connected or no hub answers, DeadlineExceeded
    when time is up.
    """

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._stub = hub_pb2_grpc.HubStub(rpc.channel)  # type: ignore[no-untyped-call]  # generated

    async def wait_for_agent(self, sandbox_id: UUID, seconds: float) -> None:
        """Returns when the agent is connected."""
        milliseconds = min(120_000, max(1, int(seconds * 1000)))
        request = hub_pb2.WaitForAgentRequest(sandbox_id=str(sandbox_id), timeout_ms=milliseconds)
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            try:
                await self._call(self._stub.WaitForAgent, request, seconds + 1)
            except Unavailable:
                # A hub that restarts: the wait is the same with its successor.
                if asyncio.get_running_loop().time() + 0.5 > deadline:
                    raise
                await asyncio.sleep(0.2)
            else:
                return

    async def configure(
        self, sandbox: Sandbox, template: Template | None, env: Mapping[str, str]
    ) -> None:
        """Tells the agent who its sandbox is."""
        request = hub_pb2.ConfigureRequest(
            sandbox_id=str(sandbox.id),
            generation=sandbox.generation,
            env=[hub_pb2.Variable(name=name, value=value) for name, value in env.items()],
            user=template.user if template else "",
            workdir=template.workdir if template else "",
        )
        await self._call(self._stub.Configure, request, CALL_SECONDS)

    async def connected(self, ids: Sequence[UUID]) -> set[UUID]:
        """Those whose agent is connected."""
        found: set[UUID] = set()
        for start in range(0, len(ids), BATCH):
            names = [str(sandbox_id) for sandbox_id in ids[start : start + BATCH]]
            request = hub_pb2.AgentStatusRequest(sandbox_ids=names)
            answer = await self._call(self._stub.AgentStatus, request, STATUS_SECONDS)
            found |= {UUID(agent.sandbox_id) for agent in answer.agents if agent.connected}
        return found

    async def disconnect(self, sandbox_id: UUID, reason: str) -> None:
        """Ends the agent's connection and all client sockets, as far as the hub hears of it."""
        request = hub_pb2.DisconnectRequest(sandbox_id=str(sandbox_id), reason=reason)
        try:
            await self._call(self._stub.Disconnect, request, STATUS_SECONDS)
        except Failure as error:
            # The container's end closes the socket too; this call only makes it sooner.
            logger.info("disconnect was not heard: %s", error.detail)

    async def _call(self, method: Callable[..., Awaitable[A]], request: Any, seconds: float) -> A:
        try:
            return await self._rpc.call(method, request, seconds=seconds)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                raise DeadlineExceeded("The agent took too long.") from error
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                logger.warning("the hub refused: %s %s", error.code(), error.details())
            raise Unavailable("The sandbox's agent is not connected.", retry_after=1) from error
