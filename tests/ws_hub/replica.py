"""A replica of ws-hub inside the test's process, on ports of its own."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic import SecretStr
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from kit.caller import HEADER, Caller, CallerTokens
from kit.serve import http_server
from tests.support.servers import free_port
from ws_hub.app import create_app
from ws_hub.hub import Hub
from ws_hub.settings import HubSettings

INTERNAL_SECRET = "internal-0123456789-abcdefghijklmnop"
JWT_SECRET = "jwt-0123456789-abcdefghijklmnopqrstuv"
SCOPES = frozenset({"sandbox:read", "sandbox:write"})


def owner(user_id: str, **more: Any) -> Caller:
    """A caller with a key that may do everything."""
    return Caller("key", user_id=user_id, key_id="key-1", scopes=SCOPES, **more)


@dataclass
class Replica:
    """Where it listens, and ways in."""

    ws_url: str
    http_url: str
    grpc: str
    client: httpx.AsyncClient
    parts: Hub
    ending: list[bool] = field(default_factory=list)

    def headers(self, caller: Caller | None) -> dict[str, str]:
        return {HEADER: CallerTokens(INTERNAL_SECRET).mint(caller)} if caller else {}

    async def request(
        self, method: str, path: str, caller: Caller | None, **more: Any
    ) -> httpx.Response:
        headers = self.headers(caller) | more.pop("headers", {})
        return await self.client.request(method, path, headers=headers, **more)

    async def socket(self, path: str, caller: Caller | None, **more: Any) -> ClientConnection:
        return await connect(
            f"{self.ws_url}{path}",
            additional_headers=self.headers(caller),
            compression=None,
            **more,
        )


CLIENT_PROTOCOL = [Subprotocol("insien.v1")]


def bound() -> socket.socket:
    """A listening socket on a free port."""
    found = socket.socket()
    found.bind(("127.0.0.1", 0))
    found.listen(512)
    found.setblocking(False)
    return found


@contextlib.asynccontextmanager
async def running(redis_url: str, sandbox_grpc: str, **more: Any) -> AsyncIterator[Replica]:
    """A replica while the block runs; it drains at the end."""
    grpc_port = free_port()
    settings = HubSettings.model_validate(
        {
            "internal_secret": SecretStr(INTERNAL_SECRET),
            "jwt_secret": SecretStr(JWT_SECRET),
            "redis_url": SecretStr(redis_url),
            "sandbox_grpc": sandbox_grpc,
            "grpc_port": grpc_port,
            "drain_seconds": 2,
            "agent_wait_seconds": 1,
            "resume_wait_seconds": 3,
            "operation_timeout_seconds": 2,
            **more,
        }
    )
    sockets, http = bound(), bound()
    ending: list[bool] = []
    made: list[Hub] = []
    server = http_server(create_app(settings, [sockets], lambda: bool(ending), made.append))
    server.config.timeout_graceful_shutdown = 3
    task = asyncio.create_task(server.serve(sockets=[http]))
    while not server.started:
        if task.done():
            await task
            raise AssertionError("the replica has not started")
        await asyncio.sleep(0.005)
    http_url = f"http://127.0.0.1:{http.getsockname()[1]}"
    ws_url = f"ws://127.0.0.1:{sockets.getsockname()[1]}"
    async with httpx.AsyncClient(base_url=http_url, timeout=30) as client:
        try:
            yield Replica(ws_url, http_url, f"127.0.0.1:{grpc_port}", client, made[0], ending)
        finally:
            ending.append(True)
            server.should_exit = True
            await task
