"""``python -m infra.agent_bundle build [--refresh] [--in-container] [--out FOLDER]``."""

import argparse
import sys
from pathlib import Path

from infra.agent_bundle.bundle import BundleFailed, build, build_into
from infra.agent_bundle.elf import NotElf
from infra.agent_bundle.runtime import RuntimeFailed
from infra.engine.debian import AptFailed


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run the subcommand; 0 when the bundle is up to date."""
    parser = argparse.ArgumentParser(prog="python -m infra.agent_bundle", description=__doc__)
    command = parser.add_subparsers(required=True).add_parser("build")
    command.add_argument("--refresh", action="store_true", help="fetch the packages anew")
    command.add_argument("--in-container", action="store_true", help="build in a Debian container")
    command.add_argument("--out", type=Path, help="write plain files there instead")
    arguments = parser.parse_args()
    try:
        if arguments.out:
            build_into(arguments.out, _say)
        else:
            build(_say, arguments.refresh, arguments.in_container)
    except (BundleFailed, RuntimeFailed, NotElf, AptFailed) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
