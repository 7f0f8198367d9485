"""Previews: HTTP and WebSocket between a caller and an app in a sandbox, over a tunnel."""

from functools import partial

from gateway import cookies, entry, preview_page
from gateway.errors import PortNotListening
from gateway.exchange import Exchange
from gateway.forwarding import Request, forward
from gateway.headers import Fields, for_app
from gateway.preview_access import PreviewAccess, Target
from gateway.preview_socket import PreviewSockets
from gateway.tunnels import Tunnels
from kit.context import traceparent
from kit.errors import Failure

_SILENT = "The program on this port closed the connection without an answer."
_ISOLATED = (
    b"content-security-policy",
    b"sandbox allow-downloads allow-forms allow-modals allow-popups allow-scripts",
)
"""By path an app shares the API's origin: its pages get an origin of their own instead."""


class Previews:
    """Both forms, by host and by path."""

    def __init__(
        self,
        access: PreviewAccess,
        entries: entry.Entry,
        tunnels: Tunnels,
        sockets: PreviewSockets,
    ) -> None:
        self._access = access
        self._entries = entries
        self._tunnels = tunnels
        self._sockets = sockets

    async def serve(self, exchange: Exchange, target: Target) -> None:
        """Answers one request; to a browser, failures as a page."""
        try:
            await self._serve(exchange, target)
        except Failure as failure:
            page = preview_page.render(failure) if preview_page.wanted(exchange.inbound) else None
            if page is None or exchange.status or exchange.scope["type"] == "websocket":
                raise
            await exchange.answer(*page)

    async def _serve(self, exchange: Exchange, target: Target) -> None:
        if target.path == entry.PATH and not target.prefix:
            await self._entries.serve(exchange, target)
            return
        await self._access.check(exchange, target)
        exchange.upstream = "preview"
        fields = app_fields(exchange, target)
        path = target.path
        if exchange.scope["query_string"]:
            path = b"%s?%s" % (path, exchange.scope["query_string"])
        if exchange.scope["type"] == "websocket":
            await self._sockets.serve(exchange, target, path, fields)
            return
        request = Request(
            path, fields, edit=partial(_edited, target.prefix), broken=PortNotListening(_SILENT)
        )
        await forward(exchange, self._tunnels.pool(target.sandbox_id, target.port), request)


def app_fields(exchange: Exchange, target: Target) -> Fields:
    """The fields of the request as the app gets them."""
    inbound, origin = exchange.inbound, exchange.origin
    host = inbound.read.get(b"host", b"")
    fields: Fields = [(b"host", host)]
    for name, value in for_app(exchange.scope["headers"], inbound):
        if name == b"cookie":
            value = cookies.without_entry(value)
            if not value:
                continue
        fields.append((name, value))
    fields += [
        (b"x-forwarded-for", origin.address.encode()),
        (b"x-forwarded-proto", origin.scheme.encode()),
        (b"x-forwarded-host", host),
        (b"x-request-id", exchange.request_id.encode()),
        (b"traceparent", traceparent().encode()),
    ]
    if target.prefix:
        fields.append((b"x-forwarded-prefix", target.prefix))
    return fields


def _edited(prefix: bytes, fields: Fields) -> Fields:
    """An app's answer fields; by path, its pages are kept off our origin."""
    kept = cookies.kept_to_app(fields, prefix)
    return [*kept, _ISOLATED] if prefix else kept
