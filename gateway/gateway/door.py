"""The one public door: every request comes in here, and leaves with an answer."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

from gateway import headers
from gateway.admission import Admission
from gateway.client_socket import ClientSockets
from gateway.cors import Cors
from gateway.errors import BadRequest, PortNotExposed
from gateway.exchange import CallerLeft, Exchange, Receive, Scope, Send
from gateway.forwarded import Proxies, peer_address
from gateway.forwarding import Cut, Judge
from gateway.hosts import PreviewHosts
from gateway.pages import Pages
from gateway.preview_access import Target
from gateway.previews import Previews
from gateway.request_log import RequestLog
from gateway.routes import CLIENT_PATH, PROXY_PATH, Match, Route, RouteTable
from gateway.security import SecurityHeaders
from gateway.services import Service
from kit.context import accept_request_id, accept_traceparent
from kit.errors import Failure, Internal, MethodNotAllowed, NotFound

logger = logging.getLogger(__name__)

CALLER_LEFT = 499
"""Status in the log of a request whose caller did not wait; nobody receives it."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the door needs."""

    table: RouteTable
    services: dict[str, Service]
    admission: Admission
    proxies: Proxies
    hosts: PreviewHosts
    cors: Cors
    security: SecurityHeaders
    pages: Pages
    log: RequestLog
    previews: Previews
    clients: ClientSockets


class Door:
    """The ASGI application for HTTP and WebSocket."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        exchange = self._open(scope, receive, send)
        try:
            if scope["type"] == "websocket":
                await receive()  # the announcement of the upgrade
            await self._serve(exchange)
        except Failure as failure:
            await self._refuse(exchange, failure)
        except CallerLeft:
            exchange.status = exchange.status or CALLER_LEFT
        except Cut as error:
            logger.warning("an answer broke off: %s", error, extra={"route": exchange.route})
        except Exception:
            logger.exception("request failed", extra={"route": exchange.route})
            defect = Internal("Something went wrong on our side; it has been logged.")
            await self._refuse(exchange, defect)
        finally:
            seconds = perf_counter() - exchange.started
            self._parts.log.record(exchange, scope.get("method", "GET"), seconds)

    def _open(self, scope: Scope, receive: Receive, send: Send) -> Exchange:
        inbound = headers.read(scope["headers"])
        given = inbound.read.get(b"x-request-id")
        trace = inbound.read.get(b"traceparent")
        request_id = accept_request_id(given.decode("latin-1") if given else None)
        accept_traceparent(trace.decode("latin-1") if trace else None)
        extra = [(b"x-request-id", request_id.encode())]
        exchange = Exchange(scope, receive, send, request_id, extra, inbound)
        exchange.origin = self._parts.proxies.origin(peer_address(scope.get("client")), inbound)
        return exchange

    async def _refuse(self, exchange: Exchange, failure: Failure) -> None:
        if exchange.status == 0:
            await exchange.refuse(failure)

    async def _serve(self, exchange: Exchange) -> None:
        parts, inbound = self._parts, exchange.inbound
        host = parts.hosts.parse(inbound.read.get(b"host", b""))
        if host is not None:
            exchange.route = "preview host"
            inbound.check()
            raw_path = exchange.scope["raw_path"]
            await parts.previews.serve(exchange, Target(host.sandbox_id, host.port, raw_path))
            return
        exchange.extra += parts.security.api
        exchange.extra += parts.cors.fields(inbound)
        inbound.check()
        match = parts.table.find(exchange.scope["raw_path"])
        if match is None:
            raise NotFound("There is nothing at this path.")
        upgrade = exchange.scope["type"] == "websocket"
        if exchange.method == "OPTIONS" and not _previews(match):
            await exchange.answer(204, parts.cors.preflight(inbound, match.allow))
            return
        route = _route(match, exchange.method)
        exchange.route = route.path
        if route.upstream == "gateway":
            await self._own(exchange, route, match.parameters)
            return
        if upgrade:
            raise BadRequest("This path takes no WebSocket upgrade.")
        service = parts.services[route.upstream]
        if route.credential == "none":
            await service.forward(exchange, route, None, self._judge(exchange, route))
            return
        known = await parts.admission.admit(exchange, route)
        caller = parts.admission.identities.header(known, exchange.origin.address)
        await service.forward(exchange, route, caller)

    async def _own(self, exchange: Exchange, route: Route, given: Sequence[bytes]) -> None:
        parts = self._parts
        upgrade = exchange.scope["type"] == "websocket"
        if route.path == PROXY_PATH:
            await parts.previews.serve(exchange, _target(given))
        elif route.path == CLIENT_PATH and upgrade:
            await parts.clients.serve(exchange, route, given[0].decode())
        elif upgrade:
            raise BadRequest("This path takes no WebSocket upgrade.")
        elif route.credential == "none":
            await parts.pages.serve(exchange, route.path)
        else:
            await parts.admission.admit(exchange, route)
            raise BadRequest("This path takes a WebSocket upgrade.")

    def _judge(self, exchange: Exchange, route: Route) -> Judge | None:
        """A webhook counts against its address only when its signature is refused."""
        if route.limit != "webhook":
            return None

        async def judge(status: int) -> None:
            if status in (400, 401):
                await self._parts.admission.stranger(exchange)

        return judge


def _previews(match: Match) -> bool:
    return any(route.path == PROXY_PATH for route in match.routes.values())


def _target(given: Sequence[bytes]) -> Target:
    """The target of a preview by path. Raises SandboxNotFound, PortNotExposed."""
    sandbox_id, port, path = given
    prefix = b"/sandbox/%s/proxy/%s" % (sandbox_id, port)
    number = int(port) if port.isdigit() and len(port) < 6 else 0
    if not 1 <= number <= 65535:
        raise PortNotExposed("There is no such port.")
    return Target(sandbox_id.decode().lower(), number, path, prefix)


def _route(match: Match, method: str) -> Route:
    route = match.routes.get(method)
    if route is None and method == "HEAD":
        route = match.routes.get("GET")
    if route is None:
        raise MethodNotAllowed(f"This path takes {match.allow}.", headers=[("Allow", match.allow)])
    return route
