"""`insien run`: live output, and the command's exit code as our own."""

import argparse
import signal
import sys

from insien.cli.screen import Screen
from insien.results import Command, ExecOptions, Result
from insien.sandbox import Sandbox

TIMED_OUT = 124
"""As timeout(1)."""
BY_SIGNAL = 128
"""Plus the signal's number, as a shell says it."""


def run(sandbox: Sandbox, arguments: argparse.Namespace, screen: Screen) -> int:
    """The command's exit code. Ctrl-C kills the command too."""
    words: list[str] = arguments.words
    command: Command = words[0] if len(words) == 1 else words
    options = _options(arguments)
    if arguments.detach:
        process = sandbox.start(command, **options)
        screen.value({"processId": process.id}, process.id)
        return 0
    stream = sandbox.stream(command, **options)
    try:
        for chunk in stream:
            if not screen.as_json:
                screen.raw(chunk.stream, chunk.data)
    except KeyboardInterrupt:
        sandbox.process(stream.process_id).kill()
        raise
    result = stream.result()
    if screen.as_json:
        screen.value(_outcome(result), "")
    return exit_code(result)


def exit_code(result: Result) -> int:
    """The nearest that a process can say about another's end."""
    if result.timed_out:
        return TIMED_OUT
    if result.exit_code is not None:
        return result.exit_code
    return BY_SIGNAL + signal.Signals[result.signal or "SIGKILL"]


def _outcome(result: Result) -> dict[str, object]:
    return {
        "processId": result.process_id,
        "exitCode": result.exit_code,
        "signal": result.signal,
        "stdout": result.stdout,
        "stderr": result.stderr,
        "timedOut": result.timed_out,
        "truncated": result.truncated,
    }


def _options(arguments: argparse.Namespace) -> ExecOptions:
    options = ExecOptions()
    if arguments.cwd:
        options["cwd"] = arguments.cwd
    if arguments.user:
        options["user"] = arguments.user
    if arguments.env and not arguments.rm:
        options["env"] = dict(arguments.env)
    if arguments.stdin:
        options["stdin"] = sys.stdin.buffer.read()
    if not arguments.detach:
        options["timeout_seconds"] = 0
    return options
