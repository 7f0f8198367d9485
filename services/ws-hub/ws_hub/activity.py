"""Which sandboxes were used, told to the sandbox service every few seconds."""

import asyncio
import logging

import grpc

from kit.errors import Failure
from kit.rpc import Rpc
from wire.sandbox.v1.sandbox_pb2 import TouchRequest
from wire.sandbox.v1.sandbox_pb2_grpc import SandboxesStub

logger = logging.getLogger(__name__)

EVERY_SECONDS = 3.0
BATCH = 1000
CALL_SECONDS = 5.0


class Activity:
    """Gathers sandboxes; what cannot be told is dropped, the next use tells it again."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._stub = SandboxesStub(rpc.channel)  # type: ignore[no-untyped-call]
        self._used: set[str] = set()

    def note(self, sandbox_id: str) -> None:
        """The sandbox is in use now."""
        self._used.add(sandbox_id)

    async def report(self) -> None:
        """Runs for ever: tells what was gathered."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            used, self._used = list(self._used), set()
            for start in range(0, len(used), BATCH):
                request = TouchRequest(sandbox_ids=used[start : start + BATCH])
                try:
                    await self._rpc.call(self._stub.Touch, request, seconds=CALL_SECONDS)
                except (Failure, grpc.aio.AioRpcError) as error:
                    logger.warning("activity not told: %s", error)
