"""One function for each command; gives the exit code."""

import argparse
from collections.abc import Callable

from insien.cli.running import run
from insien.cli.screen import Screen
from insien.client import Client
from insien.models import CreateOptions, Status

Handler = Callable[[Client, argparse.Namespace, Screen], int]


def creation(arguments: argparse.Namespace) -> CreateOptions:
    """The options of `create` and `run --rm`."""
    options = CreateOptions(env=dict(arguments.env), metadata=dict(arguments.metadata))
    if arguments.timeout is not None:
        options["timeout_seconds"] = arguments.timeout
    return options


def _create(client: Client, arguments: argparse.Namespace, screen: Screen) -> int:
    sandbox = client.create(arguments.template, **creation(arguments))
    screen.value(sandbox.status() if screen.as_json else None, sandbox.id)
    return 0


def _list(client: Client, arguments: argparse.Namespace, screen: Screen) -> int:
    found = client.list(status=arguments.status)
    rows = ((one, (one.id, one.status, one.template, one.expires_at or "-")) for one in found)
    screen.table(("id", "status", "template", "expires"), rows)
    return 0


def _status(client: Client, arguments: argparse.Namespace, screen: Screen) -> int:
    status = client.get(arguments.sandbox).status()
    screen.value(status, _description(status))
    return 0


def _description(status: Status) -> str:
    lines = [
        ("id", status.id),
        ("status", status.status + (f" ({status.reason})" if status.reason else "")),
        ("connected", "yes" if status.connected else "no"),
        ("template", status.template),
        ("created", status.created_at),
        ("expires", status.expires_at or "-"),
        *((f"port {port.port}", f"{port.url} ({port.access})") for port in status.ports),
    ]
    return "\n".join(f"{name:<10} {value}" for name, value in lines)


def _run(client: Client, arguments: argparse.Namespace, screen: Screen) -> int:
    if not arguments.rm:
        return run(client.get(arguments.sandbox), arguments, screen)
    with client.create(arguments.template, **creation(arguments)) as sandbox:
        return run(sandbox, arguments, screen)


def _ps(client: Client, arguments: argparse.Namespace, screen: Screen) -> int:
    found = client.get(arguments.sandbox).processes()
    rows = (
        (one, (one.process_id, one.pid or "-", _state(one.running, one.exit_code), one.command))
        for one in found
    )
    screen.table(("process", "pid", "state", "command"), rows)
    return 0


def _state(running: bool, exit_code: int | None) -> str:
    return "running" if running else f"exit {'-' if exit_code is None else exit_code}"


def _logs(client: Client, arguments: argparse.Namespace, screen: Screen) -> int:
    process = client.get(arguments.sandbox).process(arguments.process)
    if arguments.follow:
        for chunk in process.output(arguments.offset):
            screen.raw(chunk.stream, chunk.data)
        return 0
    output = process.read(arguments.offset)
    if screen.as_json:
        screen.value(output, "")
        return 0
    for chunk in output.chunks:
        screen.raw(chunk.stream, chunk.data)
    return 0


def _put(client: Client, arguments: argparse.Namespace, screen: Screen) -> int:
    files = client.get(arguments.sandbox).files
    files.upload(arguments.source, arguments.target, mode=arguments.mode)
    stat = files.stat(arguments.target)
    screen.value(stat, f"{stat.path}  {stat.size} bytes")
    return 0


def _get(client: Client, arguments: argparse.Namespace, screen: Screen) -> int:
    files = client.get(arguments.sandbox).files
    if arguments.target == "-":
        screen.raw("stdout", files.read(arguments.source))
        return 0
    files.download(arguments.source, arguments.target)
    screen.value({"path": arguments.target}, arguments.target)
    return 0


def _expose(client: Client, arguments: argparse.Namespace, screen: Screen) -> int:
    sandbox = client.get(arguments.sandbox)
    port = sandbox.expose(arguments.port, "private" if arguments.private else "public")
    screen.value(port, port.url + (f"  X-Insien-Token: {port.token}" if port.token else ""))
    return 0


def _destroy(client: Client, arguments: argparse.Namespace, screen: Screen) -> int:
    sandbox = client.get(arguments.sandbox)
    sandbox.destroy()
    screen.value({"sandboxId": sandbox.id}, sandbox.id)
    return 0


def _templates(client: Client, _: argparse.Namespace, screen: Screen) -> int:
    found = client.templates()
    rows = ((one, (one.name, ", ".join(one.languages), one.description)) for one in found)
    screen.table(("name", "languages", "description"), rows)
    return 0


COMMANDS: dict[str, Handler] = {
    "create": _create,
    "list": _list,
    "status": _status,
    "run": _run,
    "ps": _ps,
    "logs": _logs,
    "put": _put,
    "get": _get,
    "expose": _expose,
    "destroy": _destroy,
    "templates": _templates,
}
