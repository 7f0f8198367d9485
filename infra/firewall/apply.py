"""Make the networks and rules as they should be, or take them away; both may be repeated."""

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.engine import Docker
from infra.firewall.deployment import Bridge, Deployment, FirewallError, Target
from infra.firewall.networks import ensure_network, remove_network
from infra.firewall.resolvers import resolvers
from infra.firewall.rules import Access, Chain, chains, chains_v6
from infra.firewall.tables import Tables, docker_tables, ipv6_tables

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """Every chain of a deployment, with the program that holds it."""

    entries: tuple[tuple[Tables, Chain], ...]


def apply(
    docker: Docker, deployment: Deployment, hub_port: int, allowed: Sequence[Target], say: Say
) -> None:
    """Networks first, then the rules: the bridges carry nothing before the first sandbox."""
    networks = (deployment.open, deployment.isolated)
    bridges = [ensure_network(docker, deployment, network) for network in networks]
    _require_bridge_filter()
    for tables, chain in plan(bridges, hub_port, allowed).entries:
        tables.install(chain)
    for network, bridge in zip(networks, bridges, strict=True):
        reach = "the hub only" if bridge.internal else "the internet and the hub"
        say(f"network {network.name} on {bridge.name}, {bridge.subnet}: {reach}")
    say(
        f"agents reach the hub at {bridges[0].gateway}:{hub_port}, isolated ones at "
        f"{bridges[1].gateway}:{hub_port}"
    )


def plan(bridges: Sequence[Bridge], hub_port: int, allowed: Sequence[Target]) -> Plan:
    """What should be in the kernel's tables; the first bridge is the open one."""
    hub = Target(ipaddress.IPv4Network(bridges[0].gateway), hub_port)
    access = Access(hub, allowed, resolvers())
    tables = docker_tables()
    entries = [(tables, chain) for bridge in bridges for chain in chains(bridge, access)]
    if (tables_v6 := ipv6_tables(tables)) is not None:
        entries += [(tables_v6, chain) for bridge in bridges for chain in chains_v6(bridge)]
    return Plan(tuple(entries))


def remove(docker: Docker, deployment: Deployment, say: Say) -> None:
    """Take away the networks, then the rules: no sandbox is ever without them."""
    networks = (deployment.open, deployment.isolated)
    for network in networks:
        if remove_network(docker, deployment, network):
            say(f"removed network {network.name}")
    tables = docker_tables()
    for program in filter(None, (tables, ipv6_tables(tables))):
        for network in networks:
            for table, kind in (("filter", "FWD"), ("filter", "IN"), ("nat", "HUB")):
                if program.uninstall(table, f"INSIEN-{kind}-{network.bridge}"):
                    say(f"removed {program.program} chain INSIEN-{kind}-{network.bridge}")


def _require_bridge_filter() -> None:
    """Frames between two ports of a bridge pass iptables only with br_netfilter."""
    path = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
    if not path.exists():
        raise FirewallError(
            "net.bridge.bridge-nf-call-iptables does not exist, so sandboxes could reach each "
            "other: load the kernel module br_netfilter (modprobe br_netfilter)."
        )
    if path.read_text().strip() != "1":
        try:
            path.write_text("1")
        except OSError as error:
            raise FirewallError(f"set net.bridge.bridge-nf-call-iptables to 1: {error}") from error
