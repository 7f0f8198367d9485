"""A small hub that speaks agent.v1 with the official protobuf runtime, for one agent at a time."""

import asyncio
import contextlib
import hashlib
import itertools
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from wire.agent.v1.agent_pb2 import (
    Configure,
    Credit,
    Data,
    Exec,
    FromAgent,
    Goodbye,
    Hello,
    Open,
    Ping,
    ToAgent,
    Welcome,
)

CREDIT = 256 << 10
DEADLINE = 20.0


class Stream:
    """The hub's end of a stream."""

    def __init__(self, link: "Link", number: int) -> None:
        self.link, self.number = link, number
        self.frames: asyncio.Queue[FromAgent | None] = asyncio.Queue()
        self.generous = True
        self.allowance = CREDIT

    async def send(self, **kind: Any) -> None:
        """A frame on this stream."""
        await self.link.send(self.number, **kind)

    async def data(self, data: bytes = b"", fin: bool = False) -> None:
        """Bytes to the agent; the caller minds the credit."""
        await self.send(data=Data(bytes=data, fin=fin))

    async def next(self) -> FromAgent:
        """The next frame; fails when the connection is lost."""
        frame = await asyncio.wait_for(self.frames.get(), DEADLINE)
        assert frame is not None, "the connection was lost"
        if frame.HasField("data") and self.generous and frame.data.bytes:
            with contextlib.suppress(ConnectionClosed):
                await self.send(credit=Credit(bytes=len(frame.data.bytes)))
        return frame

    async def rest(self) -> list[FromAgent]:
        """All frames up to End."""
        frames = [await self.next()]
        while not frames[-1].HasField("end"):
            frames.append(await self.next())
        return frames

    async def end(self) -> Any:
        """End, whatever comes before it."""
        return (await self.rest())[-1].end

    async def upload(self, data: bytes) -> None:
        """Send all of it as the credit allows, then fin."""
        at = 0
        while at < len(data):
            while self.allowance <= 0:
                frame = await self.next()
                if frame.HasField("end"):
                    self.frames.put_nowait(frame)
                    return
                self.allowance += frame.credit.bytes
            piece = data[at : at + min(self.allowance, 128 << 10)]
            self.allowance -= len(piece)
            at += len(piece)
            await self.data(piece)
        await self.data(fin=True)


class Link:
    """One connection of the agent."""

    def __init__(self, socket: ServerConnection, generation: int) -> None:
        self.socket, self.generation = socket, generation
        self.hello = Hello()
        self.streams: dict[int, Stream] = {}
        self.pongs: asyncio.Queue[int] = asyncio.Queue()
        self.lost = asyncio.Event()
        self._numbers = itertools.count(1)

    async def send(self, stream: int, **kind: Any) -> None:
        frame = ToAgent(generation=self.generation, stream=stream, **kind)
        await self.socket.send(frame.SerializeToString())

    async def open(self, **request: Any) -> Stream:
        """A new stream."""
        stream = Stream(self, next(self._numbers))
        self.streams[stream.number] = stream
        await self.send(stream.number, open=Open(**request))
        return stream

    async def exec(self, command: str = "", **fields: Any) -> Stream:
        """Start a process."""
        process_id = fields.pop("process_id", str(uuid.uuid4()))
        digest = fields.pop("digest", hashlib.sha256(command.encode()).digest())
        request = Exec(process_id=process_id, digest=digest, command=command, **fields)
        return await self.open(exec=request)

    async def run(self, command: str = "", **fields: Any) -> tuple[bytes, Any]:
        """Output and End of a process."""
        frames = await (await self.exec(command, **fields)).rest()
        return output(frames), frames[-1].end

    async def answer(self, **request: Any) -> tuple[list[FromAgent], Any]:
        """All frames of a request, and its End."""
        frames = await (await self.open(**request)).rest()
        return frames[:-1], frames[-1].end

    async def configure(self, generation: int = 1, **fields: Any) -> Any:
        """Say who the sandbox is."""
        stream = await self.open(configure=Configure(generation=generation, **fields))
        return await stream.end()

    async def ping(self, number: int) -> int:
        """The number that comes back."""
        await self.send(0, ping=Ping(number=number))
        return await asyncio.wait_for(self.pongs.get(), DEADLINE)

    async def goodbye(self, reason: str, delay_ms: int = 0) -> None:
        await self.send(0, goodbye=Goodbye(reason=reason, delay_ms=delay_ms))

    async def serve(self) -> None:
        """Sort what comes in until the connection ends."""
        try:
            async for message in self.socket:
                assert isinstance(message, bytes)
                frame = FromAgent.FromString(message)
                if frame.HasField("pong"):
                    self.pongs.put_nowait(frame.pong.number)
                else:
                    assert frame.generation == self.generation
                    self.streams[frame.stream].frames.put_nowait(frame)
        except ConnectionClosed:
            pass
        finally:
            self.lost.set()
            for stream in self.streams.values():
                stream.frames.put_nowait(None)


class Hub:
    """Listens; ``link`` waits for the next connection."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        self.port = 0
        self.generation = 0
        self.ping_interval_ms = 10_000
        self.credit = CREDIT
        self.refuse_with = 0
        self.requests: asyncio.Queue[Headers] = asyncio.Queue()
        self.links: asyncio.Queue[Link] = asyncio.Queue()
        self.welcoming = True
        self._server: Server | None = None

    async def start(self, port: int = 0) -> None:
        self._server = await serve(
            self._serve,
            self.host,
            port,
            subprotocols=["insien.agent.v1"],  # type: ignore[list-item]
            process_request=self._look,
            compression=None,
            max_size=2 << 20,
            ping_interval=None,
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def link(self) -> Link:
        """The next connection that said Hello and was welcomed."""
        return await asyncio.wait_for(self.links.get(), DEADLINE)

    def _look(self, connection: ServerConnection, request: Request) -> Response | None:
        self.requests.put_nowait(request.headers)
        if self.refuse_with:
            return connection.respond(HTTPStatus(self.refuse_with), "no\n")
        return None

    async def _serve(self, socket: ServerConnection) -> None:
        self.generation += 1
        link = Link(socket, self.generation)
        with contextlib.suppress(ConnectionClosed):
            first = await socket.recv()
            assert isinstance(first, bytes)
            link.hello = FromAgent.FromString(first).hello
            if self.welcoming:
                welcome = Welcome(
                    generation=self.generation,
                    ping_interval_ms=self.ping_interval_ms,
                    initial_credit=self.credit,
                )
                await link.send(0, welcome=welcome)
            self.links.put_nowait(link)
            await link.serve()


@contextlib.asynccontextmanager
async def running_hub() -> AsyncIterator[Hub]:
    """A hub on a port of its own."""
    hub = Hub()
    await hub.start()
    try:
        yield hub
    finally:
        await hub.stop()


def output(frames: list[FromAgent], channel: int = 0) -> bytes:
    """The bytes of all Data, of one channel if that is given."""
    wanted = [frame.data for frame in frames if frame.HasField("data")]
    return b"".join(data.bytes for data in wanted if channel in (0, data.channel))


async def eventually(probe: Callable[[], object], seconds: float = DEADLINE) -> None:
    """Wait until ``probe`` is true."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not probe():
        assert asyncio.get_running_loop().time() < deadline, "it did not come true"
        await asyncio.sleep(0.01)


async def eventually_is(probe: Callable[[], Awaitable[object]], wanted: object) -> None:
    """Ask until the answer is ``wanted``."""
    deadline = asyncio.get_running_loop().time() + DEADLINE
    while (got := await probe()) != wanted:
        assert asyncio.get_running_loop().time() < deadline, f"it is still {got!r}"
        await asyncio.sleep(0.02)
