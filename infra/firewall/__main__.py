"""``python -m infra.firewall apply|verify --hub-port 3001 [--allow addr:port…]``, or ``remove``."""

import argparse
import os
import sys

from infra.engine import Docker, DockerError
from infra.firewall.apply import apply, remove
from infra.firewall.deployment import Deployment, FirewallError, Target
from infra.firewall.verify import verify


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.firewall", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, what in (("apply", "make networks and rules"), ("verify", "read them back")):
        command = commands.add_parser(name, help=what)
        command.add_argument("--hub-port", type=int, default=3001, help="the agents' port")
        command.add_argument(
            "--allow",
            nargs="+",
            action="extend",
            default=[],
            metavar="ADDR:PORT",
            help="let sandboxes connect there, too (a hub that is a container)",
        )
    commands.add_parser("remove", help="take networks and rules away")
    return parser.parse_args()


def _run(arguments: argparse.Namespace) -> int:
    docker = Docker.from_environment()
    deployment = Deployment.from_environment(os.environ)
    if arguments.command == "remove":
        remove(docker, deployment, _say)
        return 0
    allowed = [Target.parse(text) for text in arguments.allow]
    if arguments.command == "apply":
        apply(docker, deployment, arguments.hub_port, allowed, _say)
        return 0
    faults = verify(docker, deployment, arguments.hub_port, allowed)
    _say("\n".join(faults) if faults else "networks and rules are as they should be")
    return 1 if faults else 0


def main() -> int:
    """Run one subcommand; 0 when all is as asked, else 1 and sentences that say what is not."""
    try:
        return _run(_arguments())
    except (FirewallError, DockerError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
