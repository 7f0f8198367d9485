"""Where a request came from: the peer's address, or what a trusted proxy says of it."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.headers import Inbound

_HIDDEN = "unknown"


@dataclass(frozen=True, slots=True)
class Origin:
    """The caller's address, and the scheme that it spoke."""

    address: str
    scheme: str = "http"


class Proxies:
    """The networks whose X-Forwarded-* are believed."""

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks = [ipaddress.ip_network(network, strict=False) for network in networks]

    def origin(self, peer: str, inbound: Inbound) -> Origin:
        """Of a request that `peer` sent: the last address that no trusted proxy has."""
        if not self._networks or not self._trusts(peer):
            return Origin(peer)
        told = inbound.read.get(b"x-forwarded-proto", b"http").rpartition(b",")[2].strip()
        scheme = "https" if told == b"https" else "http"
        chain = inbound.read.get(b"x-forwarded-for", b"").decode("latin-1").split(",")
        address = peer
        for item in reversed(chain):
            found = _address(item)
            if not found:
                break
            address = found
            if not self._trusts(found):
                break
        return Origin(address, scheme)

    def _trusts(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._networks)


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text.strip().strip("[]")))
    except ValueError:
        return ""


def peer_address(client: tuple[str, int] | None) -> str:
    """The address of the connection's other end."""
    return client[0] if client else _HIDDEN
