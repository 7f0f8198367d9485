"""Which port each part listens on: three ways to say it, the nearest wins.

One variable per port (PORT, WS_HUB_PORT, …); else INSIEN_PORT_BASE, the first port of a block
of 100 that the whole stack lives in; else the product's defaults.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from infra.stack.errors import StackError

MAX_REPLICAS = 20


@dataclass(frozen=True, slots=True)
class PortRule:
    variable: str
    default: int
    offset: int
    """Place within a block that INSIEN_PORT_BASE begins."""


SINGLE = {
    "gateway": PortRule("PORT", 3000, 0),
    "ws-hub": PortRule("WS_HUB_PORT", 3001, 1),
    "ws-hub-http": PortRule("WS_HUB_HTTP_PORT", 8083, 2),
    "auth": PortRule("AUTH_PORT", 8081, 3),
    "sandbox": PortRule("SANDBOX_PORT", 8082, 4),
    "clerk": PortRule("CLERK_PORT", 8084, 5),
    "postgres": PortRule("POSTGRES_PORT", 15432, 6),
    "redis": PortRule("REDIS_PORT", 16379, 7),
}
PER_REPLICA = {
    "gateway-metrics": PortRule("METRICS_PORT", 3002, 20),
    "auth-grpc": PortRule("AUTH_GRPC_PORT", 9081, 40),
    "sandbox-grpc": PortRule("SANDBOX_GRPC_PORT", 9082, 60),
    "ws-hub-grpc": PortRule("WS_HUB_GRPC_PORT", 9083, 80),
}


@dataclass(frozen=True, slots=True)
class Ports:
    first: dict[str, int]
    step: int
    """From one replica's port to the next: 100, or 1 within a block."""

    def single(self, name: str) -> int:
        return self.first[name]

    def replica(self, name: str, index: int) -> int:
        """The port of the index-th replica, counted from 1."""
        return self.first[name] + (index - 1) * self.step


def ports_from(environ: Mapping[str, str]) -> Ports:
    """StackError names the variable that holds no port."""
    base = _number(environ, "INSIEN_PORT_BASE")
    rules = SINGLE | PER_REPLICA
    first: dict[str, int] = {}
    for name, rule in rules.items():
        own = _number(environ, rule.variable)
        fallback = rule.default if base is None else base + rule.offset
        first[name] = fallback if own is None else own
    return Ports(first=first, step=100 if base is None else 1)


def _number(environ: Mapping[str, str], variable: str) -> int | None:
    text = environ.get(variable, "").strip()
    if not text:
        return None
    if not text.isdigit() or not 1 <= int(text) <= 65_535:
        raise StackError(f"{variable} must be a port number, not {text!r}")
    return int(text)
