"""The whole service in this process, on ports of its own, and what tests ask of it."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import grpc
import httpx

from auth.app import create_app
from auth.identity import SCOPES
from auth.settings import Settings
from kit.caller import HEADER, Caller, CallerTokens
from kit.rpc import Rpc, create_server
from kit.serve import http_server, listening_socket
from tests.auth.dev_clerk import PARTY, SECRET_KEY
from tests.support.servers import free_port
from wire.auth.v1 import auth_pb2, auth_pb2_grpc
from wire.sandbox.v1 import sandbox_pb2, sandbox_pb2_grpc

INTERNAL_SECRET = "nZ8tq0Vb3rXw6yLk1sDf9gHj2mPc5uAe"
KEY_PEPPER = "Qw7eR1tY5uI9oP3aS8dF2gH6jK0lZ4xC"
WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def make_settings(database_url: str, redis_url: str, clerk_url: str, **more: Any) -> Settings:
    """Settings for a service of a test."""
    values = {
        "port": free_port(),
        "grpc_port": free_port(),
        "internal_secret": INTERNAL_SECRET,
        "redis_url": redis_url,
        "database_url": database_url,
        "key_pepper": KEY_PEPPER,
        "clerk_secret_key": SECRET_KEY,
        "clerk_api_url": clerk_url,
        "clerk_issuer": clerk_url,
        "clerk_authorized_parties": PARTY,
        "clerk_webhook_secret": WEBHOOK_SECRET,
        "sandbox_grpc": "127.0.0.1:1",
    }
    return Settings.model_validate(values | more)


class Refused(Exception):
    """Authenticate said no: `code` is ours, `reason` is for the log."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True)
class RunningAuth:
    """A service that serves, with the clients that the gateway would have."""

    settings: Settings
    http: httpx.AsyncClient
    rpc: Rpc
    pool: "asyncpg.Pool[asyncpg.Record]"

    async def authenticate(self, credential: str, address: str = "") -> auth_pb2.Identity:
        """The identity. Raises Refused."""
        stub = auth_pb2_grpc.AuthStub(self.rpc.channel)  # type: ignore[no-untyped-call]
        request = auth_pb2.AuthenticateRequest(
            credential=credential, address=address or f"10.0.0.{uuid.uuid4().hex[:6]}"
        )
        try:
            answer = await self.rpc.call(stub.Authenticate, request, seconds=20)
        except grpc.aio.AioRpcError as error:
            trailing = dict(error.trailing_metadata() or ())
            raise Refused(
                str(trailing.get("insien-code")), str(trailing.get("insien-reason"))
            ) from None
        identity: auth_pb2.Identity = answer.identity
        return identity

    async def reason(self, credential: str) -> str:
        """Why the credential is refused; empty when it is not."""
        try:
            await self.authenticate(credential)
        except Refused as refusal:
            if refusal.code != "unauthenticated":
                raise
            return refusal.reason
        return ""

    async def call(
        self, user_id: str, method: str, path: str, body: Any = None, **caller: Any
    ) -> httpx.Response:
        """A request as the gateway passes it on for a signed-in user."""
        values = {"kind": "session", "user_id": user_id, "scopes": frozenset(SCOPES)} | caller
        header = CallerTokens(INTERNAL_SECRET).mint(Caller(**values, address="198.51.100.7"))
        return await self.http.request(method, path, json=body, headers={HEADER: header})

    async def issue(self, user_id: str, **body: Any) -> dict[str, Any]:
        """A new key, as `POST /api/keys` answers."""
        answer = await self.call(user_id, "POST", "/api/keys", {"name": "test", **body})
        assert answer.status_code == 201, answer.text
        key: dict[str, Any] = answer.json()["apiKey"]
        return key

    async def new_user(self) -> str:
        """Id of a user who is just there."""
        return str(
            await self.pool.fetchval(
                "INSERT INTO users (clerk_id, clerk_updated_at) VALUES ($1, now()) RETURNING id",
                f"user_{uuid.uuid4().hex}",
            )
        )


@contextlib.asynccontextmanager
async def running_auth(settings: Settings) -> AsyncIterator[RunningAuth]:
    """The service, ready."""
    server = http_server(create_app(settings))
    bound = listening_socket(settings.host, settings.port)
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(_stop, server, serving)
        http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.port}", trust_env=False)
        await stack.enter_async_context(http)
        await eventually_ready(http)
        rpc = Rpc(f"127.0.0.1:{settings.grpc_port}", settings.internal_secret.get_secret_value())
        stack.push_async_callback(rpc.close)
        pool = await asyncpg.create_pool(
            settings.database_url.get_secret_value(),
            min_size=1,
            server_settings={"search_path": "auth"},
        )
        stack.push_async_callback(pool.close)
        yield RunningAuth(settings, http, rpc, pool)


async def eventually_ready(http: httpx.AsyncClient) -> None:
    """Returns once `/readyz` says yes."""
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(httpx.TransportError):
                if (await http.get("/readyz")).status_code == 200:
                    return
            await asyncio.sleep(0.02)


async def _stop(server: Any, serving: "asyncio.Task[None]") -> None:
    server.should_exit = True
    await serving


class FakeSandboxes(sandbox_pb2_grpc.SandboxesServicer):
    """A sandbox service that only notes whose sandboxes it was told to destroy."""

    def __init__(self) -> None:
        self.destroyed: list[str] = []

    async def DestroyOwned(self, request: Any, context: Any) -> sandbox_pb2.DestroyOwnedResponse:
        self.destroyed.append(request.user_id)
        return sandbox_pb2.DestroyOwnedResponse(count=1)


@contextlib.asynccontextmanager
async def fake_sandboxes(port: int) -> AsyncIterator[FakeSandboxes]:
    """A sandbox service on that port."""
    server, fake = create_server(INTERNAL_SECRET), FakeSandboxes()
    sandbox_pb2_grpc.add_SandboxesServicer_to_server(fake, server)  # type: ignore[no-untyped-call]
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield fake
    finally:
        await server.stop(None)
