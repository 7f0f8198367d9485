"""The three services behind the gateway, as HTTP upstreams."""

from dataclasses import dataclass

from gateway.exchange import Exchange
from gateway.forwarding import Judge, Request, forward
from gateway.headers import Fields
from gateway.http1.dialer import Dialer
from gateway.http1.pool import Pool
from gateway.routes import Route
from kit.caller import HEADER
from kit.context import traceparent

_CALLER = HEADER.encode()
_NO_STORE = (b"cache-control", b"no-store")


@dataclass(frozen=True, slots=True)
class Service:
    """One service: its connections and how it is called."""

    name: str
    host: bytes
    pool: Pool

    @classmethod
    def at(cls, name: str, url: str) -> "Service":
        """The service at a base URL."""
        dialer = Dialer(name, url)
        return cls(name, dialer.host_header, Pool(name, dialer.dial))

    async def forward(
        self, exchange: Exchange, route: Route, caller: bytes | None, judge: Judge | None = None
    ) -> None:
        """Passes the request on under the same path; `caller` is the caller header's value."""
        scope = exchange.scope
        target: bytes = scope["raw_path"]
        if scope["query_string"]:
            target = b"%s?%s" % (target, scope["query_string"])
        fields = [
            (b"host", self.host),
            *exchange.inbound.passed,
            (b"x-request-id", exchange.request_id.encode()),
            (b"traceparent", traceparent().encode()),
            (b"x-forwarded-for", exchange.origin.address.encode()),
            (b"x-forwarded-proto", exchange.origin.scheme.encode()),
        ]
        if caller is not None:
            fields.append((_CALLER, caller))
        exchange.upstream = self.name
        request = Request(target, fields, route.deadline, _never_stored, judge)
        await forward(exchange, self.pool, request)


def _never_stored(fields: Fields) -> Fields:
    for name, _ in fields:
        if name == b"cache-control":
            return fields
    return [*fields, _NO_STORE]
