"""One sandbox, and all that can be done with it."""

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Unpack

from insien.core import command_calls, sandbox_calls
from insien.core.following import Following
from insien.files import Files
from insien.models import Access, AccessToken, Event, Metrics, Port, Status
from insien.process import OutputStream, Process
from insien.results import Command, ExecOptions, ProcessInfo, Result
from insien.transport import Transport


class Sandbox:
    """Made by `Client.create` or `Client.get`. As a context manager it destroys itself."""

    def __init__(self, transport: Transport, sandbox_id: str) -> None:
        self._transport = transport
        self.id = sandbox_id
        self.files = Files(transport, sandbox_id)

    def run(self, command: str, **options: Unpack[ExecOptions]) -> Result:
        """Run a line of shell to its end. A code other than 0 is no error: see `check`."""
        return self._run(command, options)

    def exec(self, cmd: str, args: Sequence[str] = (), **options: Unpack[ExecOptions]) -> Result:
        """Run a program as it is, without a shell, to its end."""
        return self._run([cmd, *args], options)

    def stream(self, command: Command, **options: Unpack[ExecOptions]) -> OutputStream:
        """Run a command in the foreground and give its output as it comes."""
        body = command_calls.request(command, options)
        following = Following(self.id, body["processId"], request=body)
        return OutputStream(self._transport, following)

    def start(self, command: Command, **options: Unpack[ExecOptions]) -> Process:
        """Run a command in the background."""
        body = command_calls.request(command, options)
        return self.process(self._transport.send(command_calls.start(self.id, body)))

    def process(self, process_id: str) -> Process:
        """A process by the id it was given; nothing is asked of the server."""
        return Process(self._transport, self.id, process_id)

    def processes(self) -> tuple[ProcessInfo, ...]:
        return self._transport.send(command_calls.processes(self.id))

    def status(self) -> Status:
        return self._transport.send(sandbox_calls.status(self.id))

    def expose(self, port: int, access: Access = "public") -> Port:
        """Give a port of the sandbox an address. A private one comes with its token."""
        return self._transport.send(sandbox_calls.expose(self.id, port, access))

    def close_port(self, port: int) -> None:
        self._transport.send(sandbox_calls.close_port(self.id, port))

    def ports(self) -> tuple[Port, ...]:
        return self._transport.send(sandbox_calls.ports(self.id))

    def token(self, ttl_seconds: int = 300, port: int | None = None) -> AccessToken:
        """A credential for this sandbox alone, to hand to a browser; at most 3600 s."""
        return self._transport.send(sandbox_calls.token(self.id, ttl_seconds, port))

    def extend(self, timeout_seconds: int) -> Status:
        """Let it end so many seconds from now, sooner or later than it would have."""
        return self._transport.send(sandbox_calls.extend(self.id, timeout_seconds))

    def pause(self) -> Status:
        """Freeze its processes; memory is kept."""
        return self._transport.send(sandbox_calls.pause(self.id))

    def resume(self) -> Status:
        return self._transport.send(sandbox_calls.resume(self.id))

    def metrics(self) -> Metrics:
        return self._transport.send(sandbox_calls.metrics(self.id))

    def events(self) -> Iterator[Event]:
        """Its lifecycle log, page by page as it is read."""
        cursor: str | None = None
        while True:
            page = self._transport.send(sandbox_calls.events(self.id, cursor))
            yield from page.items
            if (cursor := page.next_cursor) is None:
                return

    def destroy(self) -> None:
        """End it with all that is in it. Twice is once."""
        self._transport.send(sandbox_calls.destroy(self.id))

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.destroy()

    def __repr__(self) -> str:
        return f"Sandbox({self.id!r})"

    def _run(self, command: Command, options: ExecOptions) -> Result:
        body = command_calls.request(command, options)
        return self._transport.send(command_calls.run(self.id, body))
