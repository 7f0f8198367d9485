"""The gateway on a real server in this loop, with everything behind it."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import redis.asyncio as redis

from gateway.app import Gateway
from gateway.protocol import PublicProtocol
from gateway.settings import GatewaySettings
from kit.caller import CallerTokens, SandboxTokens
from tests.gateway import fake_rpc
from tests.gateway.fake_hub import FakeHub
from tests.gateway.fake_rpc import FakeRpc
from tests.gateway.fake_service import FakeService, serving
from tests.support.servers import free_port

INTERNAL_SECRET = "kW3xP9rT6vB1nM8qZ4sD7fG2hJ5lC0yA"


@dataclass
class Stack:
    """The gateway and what it talks to."""

    port: int
    http: httpx.AsyncClient
    rpc: FakeRpc
    service: FakeService
    app: FakeService
    hub: FakeHub
    redis: "redis.Redis"
    callers: CallerTokens
    tokens: SandboxTokens
    server: Any = None

    @property
    def url(self) -> str:
        """The public base URL."""
        return f"http://127.0.0.1:{self.port}"

    def host(self, sandbox_id: str, port: int | None = None) -> dict[str, str]:
        """The Host of a preview."""
        return {"Host": f"{port or self.app.port}-{sandbox_id}.localhost:{self.port}"}


@contextlib.asynccontextmanager
async def running(redis_url: str, **more: Any) -> AsyncIterator[Stack]:
    """A gateway without limits unless they are given; `protocol` may replace the server's."""
    protocol = more.pop("protocol", PublicProtocol)
    rpc, service, app = FakeRpc(), FakeService(), FakeService()
    callers = CallerTokens(INTERNAL_SECRET)
    hub = FakeHub(callers)
    values = {
        "internal_secret": INTERNAL_SECRET,
        "redis_url": redis_url,
        "auth_http_url": service.url,
        "sandbox_http_url": service.url,
        "ws_hub_http_url": service.url,
        "auth_grpc": f"127.0.0.1:{rpc.port}",
        "sandbox_grpc": f"127.0.0.1:{rpc.port}",
        "ws_hub_ws_url": f"ws://127.0.0.1:{hub.port}",
        "rate_limit_per_key": 0,
        "rate_limit_create_per_key": 0,
        "rate_limit_per_address": 0,
        "log_level": "info",
    }
    gateway = Gateway(GatewaySettings.model_validate(values | more))
    port = free_port()
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(fake_rpc.serving(rpc, INTERNAL_SECRET))
        await stack.enter_async_context(serving(service.app(), service.port))
        await stack.enter_async_context(serving(app.app(), app.port))
        await stack.enter_async_context(hub.serving())
        server = await stack.enter_async_context(
            serving(
                gateway,
                port,
                lifespan="on",
                http=protocol,
                ws_per_message_deflate=False,
                timeout_keep_alive=65,
            )
        )
        http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=20)
        await stack.enter_async_context(http)
        client = redis.Redis.from_url(redis_url)
        stack.push_async_callback(client.aclose)
        tokens = SandboxTokens(INTERNAL_SECRET)
        yield Stack(port, http, rpc, service, app, hub, client, callers, tokens, server)
