"""From the words on the command line to an exit code."""

import os
import sys
from collections.abc import Sequence

from insien.cli.commands import COMMANDS
from insien.cli.parser import parse
from insien.cli.screen import Screen
from insien.client import Client
from insien.errors import InsienError

FAILED = 1
RUN_FAILED = 125
"""As `docker run`: the failure is ours, not the command's."""
INTERRUPTED = 130
READER_LEFT = 141
"""128 + SIGPIPE."""


def main(words: Sequence[str] | None = None) -> int:
    """`insien run` gives the command's exit code; all else 0, or 1 with a line on stderr."""
    arguments = parse(sys.argv[1:] if words is None else words)
    screen = Screen(arguments.json)
    try:
        with Client(arguments.api_url, arguments.api_key) as client:
            return COMMANDS[arguments.command](client, arguments, screen)
    except InsienError as error:
        screen.error(error)
        return RUN_FAILED if arguments.command == "run" else FAILED
    except BrokenPipeError:
        return _reader_left()
    except OSError as error:
        screen.complain(str(error))
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def _reader_left() -> int:
    """As `yes | head`: no word about it, not even when Python flushes at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return READER_LEFT
