"""The gateway put together: the only module that names the real parts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from kit.caller import CallerTokens
from kit.rpc import Rpc

from gateway.admission import Admission
from gateway.cors import Cors
from gateway.door import Door, Parts
from gateway.exchange import Receive, Scope, Send
from gateway.forwarded import Proxies
from gateway.health import Health
from gateway.hosts import PreviewHosts
from gateway.identities import AuthDirectory, Identities
from gateway.limits import RateLimiter
from gateway.news import News
from gateway.pages import Pages
from gateway.request_log import RequestLog
from gateway.routes import RouteTable
from gateway.security import SecurityHeaders
from gateway.services import Service
from gateway.settings import GatewaySettings
from kit import bus


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
        auth = Rpc(settings.auth_grpc, secret)  # binds to the running loop
        services = {
            "auth": Service.at("auth", settings.auth_http_url),
            "sandbox": Service.at("sandbox", settings.sandbox_http_url),
            "hub": Service.at("hub", settings.ws_hub_http_url),
        }
        identities = Identities(AuthDirectory(auth), CallerTokens(secret))
        parts = self._parts(services, identities)
        self._door = Door(parts)
        background = [
            asyncio.create_task(News(self.redis, identities).follow()),
            asyncio.create_task(_sweep(services)),
        ]
        try:
            yield
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            for service in services.values():
                service.pool.close()
            await auth.close()
            await self.redis.aclose()
            parts.log.flush()

    def _parts(self, services: dict[str, Service], identities: Identities) -> Parts:
        settings = self._settings
        security = SecurityHeaders(https=settings.public_url.startswith("https://"))
        return Parts(
            table=RouteTable(),
            services=services,
            admission=Admission(
                identities,
                RateLimiter(self.redis),
                key=settings.rate_limit_per_key,
                create=settings.rate_limit_create_per_key,
                address=settings.rate_limit_per_address,
            ),
            proxies=Proxies(settings.trusted_proxies),
            hosts=PreviewHosts(settings.preview_domain),
            cors=Cors(settings.allowed_origins),
            security=security,
            pages=Pages(Health(services, self.redis.ping), security),
            log=RequestLog(enabled=settings.log_level.lower() in ("debug", "info")),
        )


async def _sweep(services: dict[str, Service]) -> None:
    while True:
        await asyncio.sleep(1)
        for service in services.values():
            service.pool.sweep()
