"""What is to be: names, bridges and subnets of one deployment, and what its sandboxes may reach."""

import hashlib
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass

Subnet = ipaddress.IPv4Network

_BRIDGE = re.compile(r"[a-z][a-z0-9_-]{0,14}")


class FirewallError(Exception):
    """The networks or rules cannot be as asked; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Network:
    """One Docker network: its name, its bridge and, when Docker may not choose, its subnet."""

    name: str
    bridge: str
    internal: bool
    subnet: Subnet | None


@dataclass(frozen=True, slots=True)
class Deployment:
    """The two networks of a deployment; ``label`` is in ``insien.deployment`` on both."""

    label: str
    open: Network
    isolated: Network

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Deployment":
        """Names by ``DEPLOYMENT``, ``SANDBOX_NETWORK…`` and ``INSIEN_…``, see ``.env.example``."""

        def network(suffix: str, name: str, bridge: str) -> Network:
            return Network(
                name=environ.get(f"SANDBOX_NETWORK{suffix}") or name,
                bridge=_bridge(environ.get(f"INSIEN_BRIDGE{suffix}") or bridge),
                internal=suffix != "",
                subnet=_subnet(environ.get(f"INSIEN_SUBNET{suffix}")),
            )

        label = environ.get("DEPLOYMENT") or "insien"
        return cls(
            label=label,
            open=network("", f"{label}-sandboxes", _bridge_of(label, 0)),
            isolated=network("_ISOLATED", f"{label}-isolated", _bridge_of(label, 1)),
        )


@dataclass(frozen=True, slots=True)
class Target:
    """A TCP port at an address or in a range of addresses that sandboxes may connect to."""

    addresses: Subnet
    port: int

    @classmethod
    def parse(cls, text: str) -> "Target":
        """From ``addr:port`` or ``addr/length:port``."""
        address, _, port = text.rpartition(":")
        try:
            target = cls(ipaddress.IPv4Network(address, strict=False), int(port))
        except ValueError as error:
            raise FirewallError(f"{text!r} is not of the form address:port: {error}") from error
        if not 0 < target.port < 65536:
            raise FirewallError(f"{text!r}: a port is 1 to 65535")
        return target


@dataclass(frozen=True, slots=True)
class Bridge:
    """A network as it is: what Docker has made of it."""

    name: str
    subnet: Subnet
    gateway: ipaddress.IPv4Address
    internal: bool


def _bridge(name: str) -> str:
    if not _BRIDGE.fullmatch(name):
        raise FirewallError(f"{name!r} cannot be a bridge's name (at most 15 of a-z 0-9 _ -)")
    return name


def _bridge_of(label: str, number: int) -> str:
    """``insien0`` and ``insien1``; other deployments on the host get names of their own."""
    if label == "insien":
        return f"insien{number}"
    return f"in{hashlib.sha256(label.encode()).hexdigest()[:8]}-{number}"


def _subnet(text: str | None) -> Subnet | None:
    if not text:
        return None
    try:
        return Subnet(text)
    except ValueError as error:
        raise FirewallError(f"{text!r} is no subnet: {error}") from error
