"""Read everything back and say what is not as it should be."""

from collections.abc import Sequence
from pathlib import Path

from infra.engine import Docker
from infra.firewall.apply import plan
from infra.firewall.deployment import Bridge, Deployment, Target
from infra.firewall.networks import bridge_of, differs, find
from infra.firewall.rules import Chain
from infra.firewall.tables import Tables, docker_tables


def verify(
    docker: Docker, deployment: Deployment, hub_port: int, allowed: Sequence[Target]
) -> list[str]:
    """One sentence for each fault; none when sandboxes are fenced in."""
    faults: list[str] = []
    bridges: list[Bridge] = []
    for network in (deployment.open, deployment.isolated):
        found = find(docker, network)
        if found is None:
            faults.append(f"network {network.name} does not exist")
            continue
        if difference := differs(found, deployment, network):
            faults.append(f"network {network.name} has {difference}")
        bridges.append(bridge_of(found, network))
    path = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
    if not path.exists() or path.read_text().strip() != "1":
        faults.append("net.bridge.bridge-nf-call-iptables is not 1")
    if len(bridges) < 2:
        return faults
    if (docker_tables().rules("filter", "FORWARD") or [""])[0] != "-j DOCKER-USER":
        faults.append("DOCKER-USER is not the first thing in FORWARD")
    for tables, chain in plan(bridges, hub_port, allowed).entries:
        faults += _faults(tables, chain)
    return faults


def _faults(tables: Tables, chain: Chain) -> list[str]:
    where = f"{tables.program} chain {chain.name}"
    there = tables.rules(chain.table, chain.name)
    if there is None:
        return [f"{where} does not exist"]
    faults = []
    if there != tables.spelled(chain):
        faults.append(f"{where} has other rules than it should")
    if not tables.hooked_first(chain):
        faults.append(f"{where} is not at the head of {chain.hooked_from}")
    return faults
