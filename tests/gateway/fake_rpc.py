"""Auth and the sandbox service, as far as the gateway asks them over gRPC; a real server."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from kit.errors import Failure, NotFound, Unauthenticated
from kit.rpc import create_server
from kit.serve import start_grpc
from tests.gateway.keys import make_key
from tests.support.servers import free_port
from wire.auth.v1 import auth_pb2, auth_pb2_grpc
from wire.sandbox.v1 import sandbox_pb2, sandbox_pb2_grpc

BOTH = ("sandbox:read", "sandbox:write")


@dataclass
class Person:
    """A user with a key and a session."""

    user_id: str
    key_id: str
    key: str
    session: str

    @property
    def headers(self) -> dict[str, str]:
        """The key as a header."""
        return {"X-API-Key": self.key}

    @property
    def session_headers(self) -> dict[str, str]:
        """The session as a header."""
        return {"Authorization": f"Bearer {self.session}"}


@dataclass
class FakeRpc(auth_pb2_grpc.AuthServicer, sandbox_pb2_grpc.SandboxesServicer):
    """Identities by credential, sandboxes by id; what was asked, and what is answered instead."""

    port: int = field(default_factory=free_port)
    identities: dict[str, auth_pb2.Identity] = field(default_factory=dict)
    sandboxes: dict[str, sandbox_pb2.GetResponse] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    looked_up: list[str] = field(default_factory=list)
    failure: Failure | None = None
    gate: asyncio.Event | None = None

    async def Authenticate(self, request: Any, context: Any) -> auth_pb2.AuthenticateResponse:
        self.asked.append(request.credential)
        identity = self.identities.get(request.credential)
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        if identity is None:
            raise Unauthenticated("unknown")
        return auth_pb2.AuthenticateResponse(identity=identity)

    async def Get(self, request: Any, context: Any) -> sandbox_pb2.GetResponse:
        self.looked_up.append(request.sandbox_id)
        if self.failure is not None:
            raise self.failure
        found = self.sandboxes.get(request.sandbox_id)
        if found is None:
            raise NotFound("none")
        return found

    def person(self, scopes: tuple[str, ...] = BOTH) -> Person:
        """A new user."""
        one = Person(str(uuid.uuid4()), str(uuid.uuid4()), make_key(), f"eyJ{uuid.uuid4().hex}")
        shared: dict[str, Any] = {"user_id": one.user_id, "scopes": scopes, "clerk_id": "user_1"}
        self.identities[one.key] = auth_pb2.Identity(
            key_id=one.key_id, key_prefix=one.key[:12], **shared
        )
        self.identities[one.session] = auth_pb2.Identity(
            session_id="sess_1", expires_at_ms=int((time.time() + 3600) * 1000), **shared
        )
        return one

    def sandbox(self, owner: Person, *ports: sandbox_pb2.Port, state: str = "running") -> str:
        """A new sandbox; its id."""
        sandbox_id = str(uuid.uuid4())
        self.sandboxes[sandbox_id] = sandbox_pb2.GetResponse(
            owner_id=owner.user_id, state=state, ports=ports
        )
        return sandbox_id


@contextlib.asynccontextmanager
async def serving(fake: FakeRpc, internal_secret: str) -> AsyncIterator[None]:
    """The fake, on its port."""
    server = create_server(internal_secret)
    auth_pb2_grpc.add_AuthServicer_to_server(fake, server)  # type: ignore[no-untyped-call]  # generated
    sandbox_pb2_grpc.add_SandboxesServicer_to_server(fake, server)  # type: ignore[no-untyped-call]  # generated
    await start_grpc(server, "127.0.0.1", fake.port)
    try:
        yield
    finally:
        await server.stop(0)
