"""The sandbox service over gRPC."""

import grpc

from kit.errors import Unavailable
from kit.rpc import Rpc
from wire.sandbox.v1 import sandbox_pb2, sandbox_pb2_grpc

DEADLINE_SECONDS = 5.0


class SandboxesClient:
    """Calls to `sandbox.v1.Sandboxes`."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._stub = sandbox_pb2_grpc.SandboxesStub(rpc.channel)  # type: ignore[no-untyped-call]

    async def destroy_owned(self, user_id: str) -> None:
        """Destroys all of the user's sandboxes. Raises Unavailable or DeadlineExceeded."""
        request = sandbox_pb2.DestroyOwnedRequest(user_id=user_id, reason="user_deleted")
        try:
            await self._rpc.call(self._stub.DestroyOwned, request, seconds=DEADLINE_SECONDS)
        except grpc.aio.AioRpcError as error:
            raise Unavailable(f"The sandbox service refuses: {error.code().name}") from error
