"""`python -m infra.stack up|down|status|logs|token|clean`."""

import argparse
import os
import signal
import sys

from infra.stack import control
from infra.stack.blueprint import LOOPBACK
from infra.stack.down import clean, down
from infra.stack.errors import StackError
from infra.stack.plan import PARTS
from infra.stack.report import status_table, welcome
from infra.stack.settings import StackSettings, stack_settings
from infra.stack.sign_in import SignIn
from infra.stack.up import up

LOG_LINES = "40"


def main() -> int:
    """Exit code 0, or 1 after one paragraph on stderr that says what is wrong."""
    arguments = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl-C: `up` tidies up
    try:
        settings = stack_settings(os.environ, control.ROOT)
        return _run(arguments, settings)
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start the stack, or bring it to what is asked now")
    commands.add_parser("down", help="stop it; sandboxes go on running")
    commands.add_parser("status", help="what runs, and how it is")
    commands.add_parser("clean", help="stop it and remove all that it made")
    logs = commands.add_parser("logs", help="follow the logs")
    logs.add_argument("part", nargs="?", choices=[*PARTS, "supervisor"])
    token = commands.add_parser("token", help="print a session token of a development user")
    token.add_argument("email", nargs="?", default=os.environ.get("EMAIL"))
    return parser


def _run(arguments: argparse.Namespace, settings: StackSettings) -> int:
    if arguments.command == "up":
        print(welcome(up(settings)))
    elif arguments.command == "down":
        print(down(settings))
    elif arguments.command == "clean":
        print(clean(settings))
    elif arguments.command == "status":
        table, well = status_table(settings.layout)
        print(table)
        return 0 if well else 1
    elif arguments.command == "logs":
        _follow_logs(settings, arguments.part)
    else:
        print(_token(settings, arguments.email))
    return 0


def _follow_logs(settings: StackSettings, part: str | None) -> None:
    """Becomes `tail`; a part that has no log yet is waited for by name."""
    log = settings.layout.log
    files = sorted(log.glob(f"{part}*.log" if part else "*-[0-9]*.log"))
    if not files:
        raise StackError(f"there are no logs in {log}")
    os.execvp("tail", ["tail", "-n", LOG_LINES, "-F", *map(str, files)])


def _token(settings: StackSettings, email: str | None) -> str:
    email = (email or "").removeprefix("EMAIL=")
    if "@" not in email:
        raise StackError("whose token? make token EMAIL=a@example.com")
    if control.supervisor(settings.layout) is None:
        raise StackError("the stack is down; make up starts it")
    ports = settings.ports
    clerk = f"http://{LOOPBACK}:{ports.single('clerk')}"
    api = f"http://{LOOPBACK}:{ports.single('gateway')}"
    return SignIn(clerk, api).session_token(email)


if __name__ == "__main__":
    sys.exit(main())
