"""A process that runs by itself, and the output of one as it comes."""

from collections.abc import AsyncIterator

from insien.aio.transport import AsyncTransport
from insien.core import command_calls
from insien.core.following import Collected, Following
from insien.results import Chunk, Output, ProcessInfo, Result


class AsyncOutputStream:
    """The output of a process, chunk by chunk, until it ends.

    A lost connection is taken up again where it broke: no byte is missing and none comes
    twice. Bytes that the server no longer had are counted in `dropped`.
    """

    def __init__(self, transport: AsyncTransport, following: Following) -> None:
        self._chunks = transport.follow(following)
        self._following = following
        self._collected = Collected()

    @property
    def process_id(self) -> str:
        return self._following.process_id

    @property
    def next_offset(self) -> int:
        """Where to go on: the end of what was read."""
        return self._following.next_offset

    @property
    def dropped(self) -> int:
        return self._following.dropped

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        async for chunk in self._chunks:
            self._collected.add(chunk)
            yield chunk

    async def close(self) -> None:
        """Stop reading before the end; the process goes on."""
        await self._chunks.aclose()

    async def result(self) -> Result:
        """Read to the end; the result with all output that this stream has seen."""
        async for _ in self:
            pass
        return self._collected.result(self._following)


class AsyncProcess:
    """A process in the background. It goes on running when the client goes."""

    def __init__(self, transport: AsyncTransport, sandbox_id: str, process_id: str) -> None:
        self._transport = transport
        self._sandbox_id = sandbox_id
        self.id = process_id

    async def info(self) -> ProcessInfo:
        return await self._transport.send(command_calls.process(self._sandbox_id, self.id))

    def output(self, offset: int = 0) -> AsyncOutputStream:
        """What it has written since `offset`, then what it writes, until it ends."""
        following = Following(self._sandbox_id, self.id, offset=offset)
        return AsyncOutputStream(self._transport, following)

    async def read(self, offset: int = 0) -> Output:
        """What it has written since `offset`, so far."""
        return await self._transport.send(command_calls.output(self._sandbox_id, self.id, offset))

    async def wait(self) -> Result:
        """Its result, once it has ended."""
        return await self.output().result()

    async def stdin(self, data: str | bytes, *, close: bool = False) -> None:
        """Write to its standard input; `close` says that nothing follows."""
        raw = data.encode() if isinstance(data, str) else data
        await self._transport.send(command_calls.stdin(self._sandbox_id, self.id, raw, close))

    async def signal(self, name: str = "SIGTERM") -> None:
        """To its whole process group."""
        await self._transport.send(command_calls.signal(self._sandbox_id, self.id, name))

    async def kill(self) -> None:
        """SIGKILL to its whole process group."""
        await self._transport.send(command_calls.kill(self._sandbox_id, self.id))
