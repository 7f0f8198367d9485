"""The gateway put together: the only module that names the real parts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from gateway.admission import Admission
from gateway.client_socket import ClientSockets
from gateway.cors import Cors
from gateway.door import Door, Parts
from gateway.entry import Entry
from gateway.exchange import Receive, Scope, Send
from gateway.forwarded import Proxies
from gateway.health import Health
from gateway.hosts import PreviewHosts
from gateway.hub_socket import HubSockets
from gateway.identities import AuthDirectory, Identities
from gateway.limits import RateLimiter
from gateway.news import News
from gateway.pages import Pages
from gateway.preview_access import PreviewAccess
from gateway.preview_socket import PreviewSockets
from gateway.previews import Previews
from gateway.request_log import RequestLog
from gateway.routes import RouteTable
from gateway.sandboxes import Sandboxes
from gateway.security import SecurityHeaders
from gateway.services import Service
from gateway.settings import GatewaySettings
from gateway.tunnels import Tunnels
from kit import bus
from kit.caller import CallerTokens, SandboxTokens
from kit.rpc import Rpc


class Gateway:
    """The ASGI application: the door, and a lifespan that owns what works in the background."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self.redis = bus.connect(settings.redis_url.get_secret_value())
        self._door: Door | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection, request or lifespan."""
        if self._door is not None:
            await self._door(scope, receive, send)
            return
        await receive()
        async with self._running():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    @contextlib.asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        settings = self._settings
        secret = settings.internal_secret.get_secret_value()
        # Channels of gRPC bind to the loop that runs.
        auth, sandbox = Rpc(settings.auth_grpc, secret), Rpc(settings.sandbox_grpc, secret)
        services = {
            "auth": Service.at("auth", settings.auth_http_url),
            "sandbox": Service.at("sandbox", settings.sandbox_http_url),
            "hub": Service.at("hub", settings.ws_hub_http_url),
        }
        tokens = CallerTokens(secret)
        identities = Identities(AuthDirectory(auth), tokens)
        sandboxes = Sandboxes(sandbox)
        hub = HubSockets(settings.ws_hub_ws_url, tokens)
        tunnels = Tunnels(hub)
        parts = self._parts(services, identities, sandboxes, hub, tunnels)
        self._door = Door(parts)
        background = [
            asyncio.create_task(News(self.redis, identities, sandboxes).follow()),
            asyncio.create_task(_sweep(services, tunnels)),
        ]
        try:
            yield
        finally:
            for task in background:
                task.cancel()
            await asyncio.wait(background, timeout=2)
            for service in services.values():
                service.pool.close()
            tunnels.close()
            await auth.close()
            await sandbox.close()
            await self.redis.aclose()
            parts.log.flush()

    def _parts(
        self,
        services: dict[str, Service],
        identities: Identities,
        sandboxes: Sandboxes,
        hub: HubSockets,
        tunnels: Tunnels,
    ) -> Parts:
        settings = self._settings
        https = settings.public_url.startswith("https://")
        tokens = SandboxTokens(settings.internal_secret.get_secret_value())
        admission = Admission(
            identities,
            RateLimiter(self.redis),
            key=settings.rate_limit_per_key,
            create=settings.rate_limit_create_per_key,
            address=settings.rate_limit_per_address,
        )
        security = SecurityHeaders(https=https)
        access = PreviewAccess(admission, sandboxes, tokens)
        entries = Entry(self.redis, tokens, access, admission, https=https)
        return Parts(
            table=RouteTable(),
            services=services,
            admission=admission,
            proxies=Proxies(settings.trusted_proxies),
            hosts=PreviewHosts(settings.preview_domain),
            cors=Cors(settings.allowed_origins),
            security=security,
            pages=Pages(Health(services, self.redis.ping), security),
            log=RequestLog(enabled=settings.log_level.lower() in ("debug", "info")),
            previews=Previews(access, entries, tunnels, PreviewSockets(tunnels)),
            clients=ClientSockets(admission, hub, tokens),
        )


async def _sweep(services: dict[str, Service], tunnels: Tunnels) -> None:
    while True:
        await asyncio.sleep(1)
        for service in services.values():
            service.pool.sweep()
        tunnels.sweep()
