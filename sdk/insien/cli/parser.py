"""The grammar of the command line."""

import argparse
from collections.abc import Sequence


def parse(words: Sequence[str]) -> argparse.Namespace:
    """All that stands behind `--` is `words`, the command to run; exits with 2 on wrong usage."""
    ours, command = _split(words)
    parser = _parser()
    arguments = parser.parse_args(ours)
    arguments.words = command
    if arguments.command == "run":
        if not command:
            parser.error("what to run? insien run <sandbox> -- command…")
        if (arguments.sandbox is None) != arguments.rm:
            parser.error("give a sandbox, or --rm for one that lives as long as the command")
    return arguments


def _split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    if "--" not in words:
        return list(words), []
    place = list(words).index("--")
    return list(words[:place]), list(words[place + 1 :])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="insien", description="Sandboxes on the command line.")
    parser.add_argument("--api-url", help="default: INSIEN_API_URL, or http://localhost:3000")
    parser.add_argument("--api-key", help="default: INSIEN_API_KEY")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="JSON, one object a line")
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, text: str, *positionals: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text, description=text, parents=[shared])
        for positional in positionals:
            one.add_argument(positional)
        return one

    _creation(command("create", "Make a sandbox and print its id."))
    listing = command("list", "List your sandboxes.")
    listing.add_argument("--status", help="only those in this state")
    command("status", "Show one sandbox.", "sandbox")
    _running(command("run", "Run a command and exit with its exit code."))
    command("ps", "List the processes of a sandbox.", "sandbox")
    logs = command("logs", "Print the output of a process.", "sandbox", "process")
    logs.add_argument("-f", "--follow", action="store_true", help="go on until it ends")
    logs.add_argument("--offset", type=int, default=0, help="first byte to print")
    put = command("put", "Copy a local file into a sandbox.", "sandbox", "source", "target")
    put.add_argument("--mode", help='octal, such as "0755"')
    command(
        "get", "Copy a file out of a sandbox ('-': to the screen).", "sandbox", "source", "target"
    )
    expose = command("expose", "Give a port a public address.", "sandbox")
    expose.add_argument("port", type=int)
    expose.add_argument("--private", action="store_true", help="opened by a token only")
    command("destroy", "End a sandbox.", "sandbox")
    command("templates", "List what sandboxes can be made from.")
    return parser


def _creation(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--template", help="see `insien templates`")
    parser.add_argument("--timeout", type=int, metavar="SECONDS", help="how long it lives")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", type=_pair)
    parser.add_argument("--metadata", action="append", default=[], metavar="KEY=VALUE", type=_pair)


def _running(parser: argparse.ArgumentParser) -> None:
    parser.usage = "insien run [options] (<sandbox> | --rm) -- command…"
    parser.epilog = "One word is a line of shell; several are a program and its arguments."
    parser.add_argument("sandbox", nargs="?")
    parser.add_argument("--rm", action="store_true", help="in a new sandbox, destroyed afterwards")
    parser.add_argument("-d", "--detach", action="store_true", help="print the process's id")
    parser.add_argument("-i", "--stdin", action="store_true", help="pass standard input on")
    parser.add_argument("--cwd", help="working directory")
    parser.add_argument("--user", help="who runs it")
    _creation(parser)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value
