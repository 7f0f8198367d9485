"""``python -m infra.engine ensure|stop``."""

import argparse
import sys

from infra.engine.daemon import EngineUnavailable, ensure, stop
from infra.engine.debian import AptFailed


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run one subcommand; 0 when Docker is as asked, else 1 and a sentence that says what to do."""
    parser = argparse.ArgumentParser(prog="python -m infra.engine", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("ensure", help="find a Docker engine, or install and start one (Debian)")
    commands.add_parser("stop", help="stop the engine that ensure started, and no other")
    try:
        if parser.parse_args().command == "ensure":
            ensure(_say)
        else:
            stop(_say)
    except (EngineUnavailable, AptFailed) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
