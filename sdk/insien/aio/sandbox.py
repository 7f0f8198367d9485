"""One sandbox, and all that can be done with it."""

from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Unpack

from insien.aio.files import AsyncFiles
from insien.aio.process import AsyncOutputStream, AsyncProcess
from insien.aio.transport import AsyncTransport
from insien.core import command_calls, sandbox_calls
from insien.core.following import Following
from insien.models import Access, AccessToken, Event, Metrics, Port, Status
from insien.results import Command, ExecOptions, ProcessInfo, Result


class AsyncSandbox:
    """Made by `AsyncClient.create` or `get`. As a context manager it destroys itself."""

    def __init__(self, transport: AsyncTransport, sandbox_id: str) -> None:
        self._transport = transport
        self.id = sandbox_id
        self.files = AsyncFiles(transport, sandbox_id)

    async def run(self, command: str, **options: Unpack[ExecOptions]) -> Result:
        """Run a line of shell to its end. A code other than 0 is no error: see `check`."""
        return await self._run(command, options)

    async def exec(
        self, cmd: str, args: Sequence[str] = (), **options: Unpack[ExecOptions]
    ) -> Result:
        """Run a program as it is, without a shell, to its end."""
        return await self._run([cmd, *args], options)

    def stream(self, command: Command, **options: Unpack[ExecOptions]) -> AsyncOutputStream:
        """Run a command in the foreground and give its output as it comes."""
        body = command_calls.request(command, options)
        following = Following(self.id, body["processId"], request=body)
        return AsyncOutputStream(self._transport, following)

    async def start(self, command: Command, **options: Unpack[ExecOptions]) -> AsyncProcess:
        """Run a command in the background."""
        body = command_calls.request(command, options)
        return self.process(await self._transport.send(command_calls.start(self.id, body)))

    def process(self, process_id: str) -> AsyncProcess:
        """A process by the id it was given; nothing is asked of the server."""
        return AsyncProcess(self._transport, self.id, process_id)

    async def processes(self) -> tuple[ProcessInfo, ...]:
        return await self._transport.send(command_calls.processes(self.id))

    async def status(self) -> Status:
        return await self._transport.send(sandbox_calls.status(self.id))

    async def expose(self, port: int, access: Access = "public") -> Port:
        """Give a port of the sandbox an address. A private one comes with its token."""
        return await self._transport.send(sandbox_calls.expose(self.id, port, access))

    async def close_port(self, port: int) -> None:
        await self._transport.send(sandbox_calls.close_port(self.id, port))

    async def ports(self) -> tuple[Port, ...]:
        return await self._transport.send(sandbox_calls.ports(self.id))

    async def token(self, ttl_seconds: int = 300, port: int | None = None) -> AccessToken:
        """A credential for this sandbox alone, to hand to a browser; at most 3600 s."""
        return await self._transport.send(sandbox_calls.token(self.id, ttl_seconds, port))

    async def extend(self, timeout_seconds: int) -> Status:
        """Let it end so many seconds from now, sooner or later than it would have."""
        return await self._transport.send(sandbox_calls.extend(self.id, timeout_seconds))

    async def pause(self) -> Status:
        """Freeze its processes; memory is kept."""
        return await self._transport.send(sandbox_calls.pause(self.id))

    async def resume(self) -> Status:
        return await self._transport.send(sandbox_calls.resume(self.id))

    async def metrics(self) -> Metrics:
        return await self._transport.send(sandbox_calls.metrics(self.id))

    async def events(self) -> AsyncIterator[Event]:
        """Its lifecycle log, page by page as it is read."""
        cursor: str | None = None
        while True:
            page = await self._transport.send(sandbox_calls.events(self.id, cursor))
            for item in page.items:
                yield item
            if (cursor := page.next_cursor) is None:
                return

    async def destroy(self) -> None:
        """End it with all that is in it. Twice is once."""
        await self._transport.send(sandbox_calls.destroy(self.id))

    async def __aenter__(self) -> "AsyncSandbox":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.destroy()

    def __repr__(self) -> str:
        return f"AsyncSandbox({self.id!r})"

    async def _run(self, command: Command, options: ExecOptions) -> Result:
        body = command_calls.request(command, options)
        return await self._transport.send(command_calls.run(self.id, body))
