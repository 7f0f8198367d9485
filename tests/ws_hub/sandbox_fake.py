"""A sandbox service for tests: speaks sandbox.v1 over real gRPC, its table is a dict."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from kit.errors import NotFound
from kit.rpc import create_server
from tests.support.servers import free_port
from wire.sandbox.v1 import sandbox_pb2
from wire.sandbox.v1.sandbox_pb2_grpc import (
    SandboxesServicer,
    add_SandboxesServicer_to_server,
)


class SandboxFake(SandboxesServicer):
    """`table` is what Get answers; `gets` and `touched` are what was asked."""

    def __init__(self) -> None:
        self.table: dict[str, sandbox_pb2.GetResponse] = {}
        self.gets = 0
        self.touched: set[str] = set()
        self.address = ""

    def add(self, sandbox_id: str, owner: str, state: str = "running", **more: Any) -> None:
        """A row."""
        self.table[sandbox_id] = sandbox_pb2.GetResponse(owner_id=owner, state=state, **more)

    async def Get(self, request: sandbox_pb2.GetRequest, context: Any) -> sandbox_pb2.GetResponse:
        self.gets += 1
        found = self.table.get(request.sandbox_id)
        if found is None:
            raise NotFound("no such sandbox")
        return found

    async def Touch(
        self, request: sandbox_pb2.TouchRequest, context: Any
    ) -> sandbox_pb2.TouchResponse:
        self.touched |= set(request.sandbox_ids)
        return sandbox_pb2.TouchResponse()


@contextlib.asynccontextmanager
async def serving(internal_secret: str) -> AsyncIterator[SandboxFake]:
    """The fake on a port of its own."""
    fake = SandboxFake()
    server = create_server(internal_secret)
    add_SandboxesServicer_to_server(fake, server)  # type: ignore[no-untyped-call]
    fake.address = f"127.0.0.1:{free_port()}"
    server.add_insecure_port(fake.address)
    await server.start()
    try:
        yield fake
    finally:
        await server.stop(None)
