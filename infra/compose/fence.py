"""The fence around the sandboxes of a compose deployment, kept right while hubs come and go.

    python -m infra.compose.fence          apply the rules, watch, mend; until it is stopped

Every replica of ws-hub has an address of its own on the sandboxes' networks, and another one after
each restart. Sandboxes may reach those addresses on the agents' port and no other: the containers
with the label ``insien.ws-hub=<deployment>`` are looked up each second, the rules applied when they
changed, and read back every half minute in case somebody else has touched the host's tables.
``/run/insien-fence`` is touched after every look that found or made all right.

Until the rules are there no sandbox can reach a hub, and without its hub no command runs in it.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network
from pathlib import Path

from infra.engine import Docker, DockerError
from infra.firewall import Deployment, FirewallError, Target, apply, verify

LABEL = "insien.ws-hub"
AGENT_PORT = 3001
LOOK_SECONDS = 1.0
VERIFY_SECONDS = 30.0
STAMP = Path("/run/insien-fence")

Say = Callable[[str], None]


def hub_targets(docker: Docker, deployment: Deployment) -> list[Target]:
    """The agents' port of every running hub, on either network of the sandboxes; sorted."""
    filters = {"label": [f"{LABEL}={deployment.label}"], "status": ["running"]}
    found = docker.get("/containers/json", timeout=10.0, filters=json.dumps(filters))
    networks = (deployment.open.name, deployment.isolated.name)
    addresses = [
        container["NetworkSettings"]["Networks"].get(name, {}).get("IPAddress")
        for container in found
        for name in networks
    ]
    return [Target(IPv4Network(address), AGENT_PORT) for address in sorted(filter(None, addresses))]


class Fence:
    """What is in the kernel's tables, as far as we know; ``look`` makes it right."""

    def __init__(self, docker: Docker, deployment: Deployment, say: Say) -> None:
        self._docker = docker
        self._deployment = deployment
        self._say = say
        self._applied: list[Target] | None = None
        self._verified = 0.0

    def look(self, now: float) -> None:
        """Once around. FirewallError or DockerError say what stands in the way."""
        targets = hub_targets(self._docker, self._deployment)
        if targets == self._applied and now - self._verified < VERIFY_SECONDS:
            return
        if targets != self._applied or self._faults(targets):
            self._applied = None
            apply(self._docker, self._deployment, AGENT_PORT, targets, _silent)
            hubs = ", ".join(str(target.addresses.network_address) for target in targets)
            self._say(f"fence: applied; hubs at {hubs or 'no address yet'}")
            self._applied = targets
        self._verified = now

    def _faults(self, targets: Sequence[Target]) -> list[str]:
        faults = verify(self._docker, self._deployment, AGENT_PORT, targets)
        for fault in faults:
            self._say(f"fence: {fault}")
        return faults


def keep(fence: Fence, say: Say) -> None:
    """Look for ever; a failure is told once, tried again, and leaves the stamp to grow old."""
    told = ""
    while True:
        try:
            fence.look(time.monotonic())
        except (FirewallError, DockerError) as error:
            if told != (told := str(error)):
                say(f"fence: {error}")
        else:
            told = ""
            STAMP.touch()
        time.sleep(LOOK_SECONDS)


def _silent(_text: str) -> None:
    return None


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    """Does not return."""
    deployment = Deployment.from_environment(os.environ)
    keep(Fence(Docker.from_environment(), deployment, _print), _print)


if __name__ == "__main__":
    main()
