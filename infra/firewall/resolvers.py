"""The name servers that containers end up asking: those of the host, as Docker reads them."""

import ipaddress
from pathlib import Path

RESOLV_CONF = Path("/etc/resolv.conf")
# Where systemd-resolved keeps the real ones; Docker looks there, too, when it sees the stub.
UPSTREAM_CONF = Path("/run/systemd/resolve/resolv.conf")


def resolvers(
    configured: Path = RESOLV_CONF, upstream: Path = UPSTREAM_CONF
) -> list[ipaddress.IPv4Address]:
    """IPv4 name servers that a container can be let through to.

    None when the host names only itself (127.0.0.0/8) without systemd-resolved: Docker then uses
    public ones, which need no rule.
    """
    return _read(configured) or _read(upstream)


def _read(path: Path) -> list[ipaddress.IPv4Address]:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return []
    found = []
    for words in (line.split() for line in lines):
        if len(words) >= 2 and words[0] == "nameserver" and ":" not in words[1]:
            address = ipaddress.IPv4Address(words[1])
            if not address.is_loopback and address not in found:
                found.append(address)
    return found
