"""Where the agents' socket is bound: on the sandboxes' bridge, not on every interface.

The gateway address of the bridge is this host as the sandboxes see it. The host itself reaches
it as well, the world outside does not. Where the bridge is not on this host (Docker in a
virtual machine) the socket listens on all interfaces and AGENT_URL must say how it is reached.
"""

from urllib.parse import urlsplit

from infra.engine import Docker, DockerError
from infra.stack.errors import StackError
from infra.stack.settings import StackSettings


def hub_addresses(settings: StackSettings) -> tuple[str, str, str]:
    """Where to bind, and where sandboxes reach it: with egress, and without (empty: the same).

    StackError when a network does not exist.
    """
    given = settings.environ.get("AGENT_URL")
    if given:
        return settings.environ.get("WS_HUB_HOST") or "0.0.0.0", urlsplit(given).hostname or "", ""
    bridge = bridge_address(settings.network)
    isolated = bridge_address(settings.isolated_network)
    return settings.environ.get("WS_HUB_HOST") or bridge, bridge, isolated


def bridge_address(network: str) -> str:
    """The gateway address of a Docker network."""
    try:
        found = Docker.from_environment().get(f"/networks/{network}")
    except DockerError as error:
        raise StackError(f"Docker network {network}: {error.message}") from error
    for configuration in found["IPAM"]["Config"] or []:
        if address := configuration.get("Gateway"):
            return str(address)
    raise StackError(f"Docker network {network} has no gateway address")
