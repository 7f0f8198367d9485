"""What can be done with files: look, read, write, move, watch, pack."""

import asyncio
from collections.abc import AsyncIterator

from kit.errors import DeadlineExceeded
from wire.agent.v1.agent_pb2 import (
    FileEvent,
    FileInfo,
    ListFiles,
    Open,
    ReadFile,
    StatFile,
    WatchFiles,
)
from ws_hub.calls import LOST, Calls, collect
from ws_hub.errors import AgentDisconnected, from_end
from ws_hub.feed import AGAIN_SECONDS
from ws_hub.stream import Stream, StreamLost

BROKE = "The connection to the sandbox's agent broke; nothing was changed unless the upload ended."


async def one(calls: Calls, sandbox_id: str, request: Open) -> FileInfo:
    """Asks for something that answers with one file. Raises the agent's refusal."""
    frames = await calls.ask(sandbox_id, request, repeat=request.HasField("stat_file"))
    return _only_file([frame.file for frame in frames if frame.HasField("file")])


def _only_file(found: list[FileInfo]) -> FileInfo:
    if not found:
        raise AgentDisconnected("The agent's answer is incomplete.")
    return found[-1]


async def stat(calls: Calls, sandbox_id: str, path: str) -> FileInfo:
    """What a path is. Raises FileNotFound."""
    return await one(calls, sandbox_id, Open(stat_file=StatFile(path=path)))


async def entries(
    calls: Calls, sandbox_id: str, path: str, depth: int
) -> tuple[list[FileInfo], bool]:
    """A directory's entries, and whether there were more. Raises FileNotFound, NotADirectory."""
    request = Open(list_files=ListFiles(path=path, depth=depth))
    frames = await calls.ask(sandbox_id, request, repeat=True)
    found = [info for frame in frames for info in frame.files.entries]
    return found, any(frame.files.truncated for frame in frames)


class Download:
    """A file or archive on its way out; `close` it in the end."""

    def __init__(self, stream: Stream, info: FileInfo | None, seconds: float) -> None:
        self.info = info
        self._stream = stream
        self._seconds = seconds

    async def chunks(self, limit: int | None = None) -> AsyncIterator[bytes]:
        """The bytes, `limit` of them at most. Raises when the way breaks: the answer is cut."""
        left = limit
        try:
            while left is None or left > 0:
                async with asyncio.timeout(self._seconds):
                    frame = await self._stream.recv()
                if frame.HasField("end"):
                    if frame.end.code:
                        raise from_end(frame.end)
                    return
                chunk = frame.data.bytes if left is None else frame.data.bytes[:left]
                if left is not None:
                    left -= len(chunk)
                if chunk:
                    yield chunk
        except StreamLost as lost:
            raise AgentDisconnected(LOST) from lost
        except TimeoutError:
            raise DeadlineExceeded("The agent does not go on.") from None
        finally:
            self.close()

    def close(self) -> None:
        """No more is wanted."""
        self._stream.cancel()


async def read(
    calls: Calls, sandbox_id: str, path: str, offset: int = 0, length: int = 0
) -> Download:
    """Opens a file; `length` 0 is to its end. Raises FileNotFound, IsADirectory."""
    request = Open(read_file=ReadFile(path=path, offset=offset, length=length))
    return await download(calls, sandbox_id, request)


async def download(calls: Calls, sandbox_id: str, request: Open) -> Download:
    """Opens what answers with bytes; a file is described first. Raises the agent's refusal."""
    seconds = calls.waits.operation
    stream = await calls.open(sandbox_id, request)
    try:
        stream.widen()
        if request.HasField("read_archive"):
            async with asyncio.timeout(seconds):
                first = await stream.peek()
            if first.HasField("end") and first.end.code:
                raise from_end(first.end)
            return Download(stream, None, seconds)
        async with asyncio.timeout(seconds):
            frame = await stream.recv()
        if frame.HasField("end") and frame.end.code:
            raise from_end(frame.end)
        return Download(stream, frame.file, seconds)
    except StreamLost as lost:
        raise AgentDisconnected(LOST) from lost
    except TimeoutError:
        stream.cancel()
        raise DeadlineExceeded("The agent does not answer.") from None
    except BaseException:
        stream.cancel()
        raise


async def upload(
    calls: Calls, sandbox_id: str, request: Open, source: AsyncIterator[bytes]
) -> FileInfo | None:
    """Sends bytes into a file or archive; what the agent says of it. Raises its refusal."""
    seconds = calls.waits.operation
    try:
        async with await calls.open(sandbox_id, request) as stream:
            wanted = True
            async for part in source:
                async with asyncio.timeout(seconds):
                    wanted = await stream.send(part)
                if not wanted:
                    break
            async with asyncio.timeout(seconds):
                if wanted:
                    await stream.send(b"", fin=True)
                frames = await collect(stream)
    except StreamLost as lost:
        raise AgentDisconnected(BROKE) from lost
    except TimeoutError:
        raise DeadlineExceeded("The agent takes no more; nothing was changed.") from None
    found = [frame.file for frame in frames if frame.HasField("file")]
    return found[-1] if found else None


class Watch:
    """Changes below a path, over lost connections: then `overflow` tells that some are missing."""

    def __init__(self, calls: Calls, sandbox_id: str, path: str, recursive: bool) -> None:
        self._calls = calls
        self._sandbox_id = sandbox_id
        self._request = Open(watch_files=WatchFiles(path=path, recursive=recursive))
        self._path = path
        self._over = False
        self._stream: Stream | None = None

    async def start(self) -> None:
        """Returns once the watch stands. Raises the agent's refusal, AgentDisconnected."""
        try:
            async with asyncio.timeout(self._calls.waits.operation):
                self._stream = await self._calls.open(self._sandbox_id, self._request)
                frame = await self._stream.recv()
        except StreamLost as lost:
            raise AgentDisconnected(LOST) from lost
        except TimeoutError:
            self.close()
            raise DeadlineExceeded("The agent does not answer.") from None
        if frame.HasField("end"):
            raise from_end(frame.end)

    async def recv(self) -> FileEvent | None:
        """The next change; None when the agent ended the watch."""
        while True:
            if self._stream is None:
                await self.start()
                return FileEvent(type="overflow", path=self._path)
            try:
                frame = await self._stream.recv()
            except StreamLost:
                if self._over:
                    return None
                self._stream = None
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            if frame.HasField("file_event"):
                return frame.file_event
            if frame.HasField("end"):
                if frame.end.code:
                    raise from_end(frame.end)
                return None

    def stop(self) -> None:
        """No more interest; `recv` returns None."""
        self._over = True
        self.close()

    def close(self) -> None:
        """No more interest."""
        if self._stream is not None:
            self._stream.cancel()
