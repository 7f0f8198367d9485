"""What is checked before anything is changed: the machine, the ports."""

import os
import sys

from infra.engine import Docker
from infra.stack.errors import NotSupported, PortsInUse
from infra.stack.plan import Address, Plan, ProcessSpec
from infra.stack.sockets import is_free


def check_machine() -> None:
    """NotSupported says what is missing and what to do."""
    if sys.platform != "linux":
        raise NotSupported("The local stack needs Linux (on a Mac: inside a Linux machine).")
    if os.geteuid() == 0 or Docker.from_environment().answers():
        return
    raise NotSupported(
        "Docker does not answer, and without root it cannot be started for you.\n"
        "Start Docker and give yourself access to it (group docker), set DOCKER_HOST, or, on "
        "Debian, run this as root."
    )


def check_ports(plan: Plan, running: Plan) -> None:
    """PortsInUse names each port of the plan that two parts want or another program has.

    What the running stack holds already is its own.
    """
    ours = {address.port for address in _all_addresses(running)}
    conflicts: list[str] = []
    owners: dict[int, str] = {}
    for spec in plan.processes:
        for address in addresses_of(spec):
            other = owners.setdefault(address.port, spec.part)
            if other != spec.part:
                conflicts.append(
                    f"port {address.port} is asked for by both {other} and {spec.part}"
                )
            elif address.port not in ours and not is_free(address):
                conflicts.append(
                    f"port {address.port} ({spec.part}) is in use by another program; "
                    "stop that, or choose other ports (INSIEN_PORT_BASE)"
                )
    if conflicts:
        raise PortsInUse(sorted(set(conflicts)))


def must_rebind(plan: Plan, running: Plan) -> bool:
    """Whether a port moves to another address of this host: the old socket must close first."""
    before, after = _hosts(running), _hosts(plan)
    return any(before[port] != after[port] for port in before.keys() & after.keys())


def _hosts(plan: Plan) -> dict[int, set[str]]:
    """Where each port is bound."""
    found: dict[int, set[str]] = {}
    for address in plan.addresses():
        found.setdefault(address.port, set()).add(address.host)
    return found


def addresses_of(spec: ProcessSpec) -> list[Address]:
    return [*spec.listen.values(), *spec.binds]


def _all_addresses(plan: Plan) -> list[Address]:
    return [address for spec in plan.processes for address in addresses_of(spec)]
