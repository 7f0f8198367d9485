"""An agent for tests: speaks agent.v1 over a real socket and does what the test scripts.

Processes are entries in a dict that outlives connections, as in the real agent; a process "runs"
until its script ends. The scripts are by first word of the command.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import jwt
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from wire.agent.v1.agent_pb2 import (
    Data,
    End,
    Exit,
    FileInfo,
    FromAgent,
    Goodbye,
    Hello,
    Open,
    Pong,
    ProcessList,
    Started,
    ToAgent,
    Welcome,
)
from wire.agent.v1.agent_pb2 import Process as ProcessInfo

CHUNK = 64 * 1024


@dataclass
class Process:
    """One process: its log of (channel, bytes), and how it ended."""

    process_id: str
    digest: bytes
    command: str
    pid: int
    log: list[tuple[int, bytes]] = field(default_factory=list)
    exit: Exit | None = None
    stdin: bytearray = field(default_factory=bytearray)
    stdin_closed: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def size(self) -> int:
        return sum(len(data) for _, data in self.log)

    def write(self, data: bytes, channel: int = 1) -> None:
        self.log.append((channel, data))
        self.stir()

    def end(self, code: int = 0, signal: str = "") -> None:
        if self.exit is None:
            self.exit = Exit(code=code, signal=signal, duration_ms=5, end_offset=self.size)
            self.stir()

    def stir(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()

    def after(self, offset: int) -> tuple[int, int, bytes] | None:
        """Channel, offset and bytes of the next piece from an offset."""
        position = 0
        for channel, data in self.log:
            if position + len(data) > offset:
                start = max(0, offset - position)
                return channel, position + start, data[start : start + CHUNK]
            position += len(data)
        return None


class StreamEnd:
    """The agent's end of one stream."""

    def __init__(self, agent: "ScriptedAgent", ident: int, request: Open) -> None:
        self.agent = agent
        self.ident = ident
        self.request = request
        self.credit = agent.initial_credit
        self.incoming: asyncio.Queue[Data] = asyncio.Queue()
        self.more = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    async def send(self, frame: FromAgent) -> None:
        frame.stream = self.ident
        await self.agent.send(frame)

    async def end(self, code: str = "", detail: str = "", **more: object) -> None:
        await self.send(FromAgent(end=End(code=code, detail=detail, **more)))  # type: ignore[arg-type]

    async def data(
        self, payload: bytes, offset: int = 0, channel: int = 0, fin: bool = False
    ) -> None:
        while self.credit < len(payload):
            self.more.clear()
            await self.more.wait()
        self.credit -= len(payload)
        frame = Data(bytes=payload, offset=offset, channel=channel, fin=fin)
        await self.send(FromAgent(data=frame))

    async def grant(self, amount: int) -> None:
        frame = FromAgent()
        frame.credit.bytes = amount
        await self.send(frame)


Script = Callable[["ScriptedAgent", Process], Coroutine[Any, Any, None]]
Handler = Callable[["ScriptedAgent", StreamEnd], Coroutine[Any, Any, None]]


class ScriptedAgent:
    """Connects to a hub as one sandbox's agent."""

    def __init__(self, url: str, sandbox_id: str, secret: str) -> None:
        self.url = url
        self.sandbox_id = sandbox_id
        self.token = jwt.encode({"aud": "ws-hub", "sub": sandbox_id}, secret, algorithm="HS256")
        self.boot_id = os.urandom(16)
        self.last_generation = 0
        self.initial_credit = 0
        self.welcome: Welcome | None = None
        self.goodbye: Goodbye | None = None
        self.processes: dict[str, Process] = {}
        self.files: dict[str, bytes] = {}
        self.streams: dict[int, StreamEnd] = {}
        self.seen: list[ToAgent] = []
        self.handlers: dict[str, Handler] = {}
        self.scripts: dict[str, Script] = {}
        self.answer_pings = True
        self.tasks: set[asyncio.Task[None]] = set()
        self.socket: ClientConnection | None = None
        self.reader: asyncio.Task[None] | None = None

    async def open_socket(self) -> ClientConnection:
        self.socket = await connect(
            f"{self.url}/agent/{self.sandbox_id}",
            additional_headers={"Authorization": f"Bearer {self.token}"},
            subprotocols=[Subprotocol("insien.agent.v1")],
            compression=None,
            max_size=2**20,
            ping_interval=None,
        )
        return self.socket

    async def connect(self) -> "ScriptedAgent":
        socket = await self.open_socket()
        hello = Hello(
            version="scripted", last_generation=self.last_generation, boot_id=self.boot_id
        )
        await socket.send(FromAgent(hello=hello).SerializeToString())
        first = ToAgent.FromString(await socket.recv(decode=False))
        self.welcome = first.welcome
        self.initial_credit = first.welcome.initial_credit
        self.last_generation = first.welcome.generation
        self.streams = {}
        self.reader = asyncio.create_task(self._read(socket))
        return self

    async def close(self) -> None:
        if self.socket is not None:
            await self.socket.close()
        if self.reader is not None:
            self.reader.cancel()
            await asyncio.gather(self.reader, return_exceptions=True)
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def drop(self) -> None:
        """Loses the connection without a word; processes go on."""
        assert self.socket is not None
        self.socket.transport.abort()
        await self.socket.wait_closed()
        for stream in self.streams.values():
            if stream.task is not None:
                stream.task.cancel()

    async def send(self, frame: FromAgent) -> None:
        assert self.socket is not None
        frame.generation = self.last_generation
        with contextlib.suppress(ConnectionClosed):
            await self.socket.send(frame.SerializeToString())

    async def _read(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for message in socket:
                assert isinstance(message, bytes)
                await self._take(ToAgent.FromString(message))

    async def _take(self, frame: ToAgent) -> None:
        self.seen.append(frame)
        kind = frame.WhichOneof("kind")
        stream = self.streams.get(frame.stream)
        if kind == "ping" and self.answer_pings:
            await self.send(FromAgent(pong=Pong(number=frame.ping.number)))
        elif kind == "goodbye":
            self.goodbye = frame.goodbye
        elif kind == "open":
            self._open(frame)
        elif stream is None:
            return
        elif kind == "credit":
            stream.credit += frame.credit.bytes
            stream.more.set()
        elif kind == "data":
            stream.incoming.put_nowait(frame.data)
        elif kind == "cancel":
            await self._cancel(stream, kill=frame.cancel.kill)

    def _open(self, frame: ToAgent) -> None:
        stream = StreamEnd(self, frame.stream, frame.open)
        self.streams[frame.stream] = stream
        kind = frame.open.WhichOneof("request") or ""
        handler = self.handlers.get(kind) or DEFAULT[kind]
        stream.task = asyncio.create_task(handler(self, stream))
        self.tasks.add(stream.task)
        stream.task.add_done_callback(self.tasks.discard)

    async def _cancel(self, stream: StreamEnd, *, kill: bool) -> None:
        stream.cancelled.set()
        if stream.task is not None and not stream.task.done():
            stream.task.cancel()
            await stream.end("cancelled")
        if kill and stream.request.HasField("exec"):
            process = self.processes.get(stream.request.exec.process_id)
            if process is not None:
                process.end(137, "SIGKILL")

    def find(self, name: str) -> Process | None:
        for process in self.processes.values():
            if name in (process.process_id, str(process.pid)):
                return process
        return None


async def run_exec(agent: ScriptedAgent, stream: StreamEnd) -> None:
    request = stream.request.exec
    process = agent.processes.get(request.process_id)
    if process is None:
        command = request.command or " ".join(request.argv)
        process = Process(request.process_id, request.digest, command, 100 + len(agent.processes))
        process.stdin += request.stdin
        process.stdin_closed = not request.keep_stdin
        agent.processes[request.process_id] = process
        script = agent.scripts.get(command.split(" ")[0], SCRIPTS.get(command.split(" ")[0]))
        assert script is not None, command
        task = asyncio.create_task(script(agent, process))
        agent.tasks.add(task)
        task.add_done_callback(agent.tasks.discard)
    elif process.digest != request.digest:
        await stream.end("already_exists", "another command has this id")
        return
    if request.detach:
        await stream.send(_started(process, 0))
        await stream.end()
        return
    await follow(stream, process, request.offset, live=True)


def _started(process: Process, offset: int) -> FromAgent:
    return FromAgent(
        started=Started(
            process_id=process.process_id,
            pid=process.pid,
            offset=offset,
            running=process.exit is None,
        )
    )


async def follow(stream: StreamEnd, process: Process, offset: int, *, live: bool) -> None:
    await stream.send(_started(process, offset))
    while True:
        changed = process.changed
        piece = process.after(offset)
        if piece is not None:
            channel, start, payload = piece
            await stream.data(payload, start, channel)
            offset = start + len(payload)
        elif process.exit is not None:
            await stream.end(exit=process.exit)
            return
        elif not live:
            await stream.end()
            return
        else:
            await changed.wait()


async def run_attach(agent: ScriptedAgent, stream: StreamEnd) -> None:
    request = stream.request.attach
    process = agent.find(request.process)
    if process is None:
        await stream.end("process_not_found", "no such process")
        return
    await follow(stream, process, request.offset, live=request.follow)


async def run_stdin(agent: ScriptedAgent, stream: StreamEnd) -> None:
    request = stream.request.stdin
    process = agent.find(request.process)
    if process is None:
        await stream.end("process_not_found", "no such process")
        return
    async for payload in received(stream):
        process.stdin += payload
    process.stdin_closed |= request.close
    process.stir()
    await stream.end()


async def received(stream: StreamEnd) -> AsyncIterator[bytes]:
    """What the hub sends on a stream; grants credit as it goes."""
    while True:
        data = await stream.incoming.get()
        if data.bytes:
            yield data.bytes
            await stream.grant(len(data.bytes))
        if data.fin:
            return


async def run_signal(agent: ScriptedAgent, stream: StreamEnd) -> None:
    process = agent.find(stream.request.signal.process)
    if process is None:
        await stream.end("process_not_found", "no such process")
        return
    number = stream.request.signal.number
    process.end(128 + number, {9: "SIGKILL", 15: "SIGTERM"}.get(number, "SIGHUP"))
    await stream.end()


async def run_list(agent: ScriptedAgent, stream: StreamEnd) -> None:
    wanted = stream.request.list_processes.process
    found = [p for p in agent.processes.values() if wanted in ("", p.process_id, str(p.pid))]
    if wanted and not found:
        await stream.end("process_not_found", "no such process")
        return
    infos = [
        ProcessInfo(
            process_id=p.process_id,
            pid=p.pid,
            command=p.command,
            running=p.exit is None,
            exit=p.exit,
            next_offset=p.size,
        )
        for p in found
    ]
    await stream.send(FromAgent(processes=ProcessList(processes=infos)))
    await stream.end()


def info(agent: ScriptedAgent, path: str) -> FileInfo:
    size = len(agent.files[path])
    name = path.rsplit("/", 1)[-1]
    return FileInfo(name=name, path=path, type="file", size=size, mode=0o644, inode=7)


async def run_read(agent: ScriptedAgent, stream: StreamEnd) -> None:
    request = stream.request.read_file
    if request.path not in agent.files:
        await stream.end("file_not_found", "no such file")
        return
    await stream.send(FromAgent(file=info(agent, request.path)))
    content = agent.files[request.path][request.offset :]
    content = content[: request.length] if request.length else content
    for start in range(0, len(content), CHUNK):
        await stream.data(content[start : start + CHUNK], request.offset + start)
    await stream.data(b"", request.offset + len(content), fin=True)
    await stream.end()


async def run_write(agent: ScriptedAgent, stream: StreamEnd) -> None:
    request = stream.request.write_file
    if request.room_bytes and request.size > request.room_bytes:
        await stream.end("disk_full", "the disk is full")
        return
    content = bytearray()
    async for payload in received(stream):
        content += payload
    agent.files[request.path] = bytes(content)
    await stream.send(FromAgent(file=info(agent, request.path)))
    await stream.end()


async def run_stat(agent: ScriptedAgent, stream: StreamEnd) -> None:
    path = stream.request.stat_file.path
    if path not in agent.files:
        await stream.end("file_not_found", "no such file")
        return
    await stream.send(FromAgent(file=info(agent, path)))
    await stream.end()


async def run_ok(agent: ScriptedAgent, stream: StreamEnd) -> None:
    await stream.end()


async def echo(agent: ScriptedAgent, process: Process) -> None:
    process.write(process.command.partition(" ")[2].encode() + b"\n")
    process.end()


async def cat(agent: ScriptedAgent, process: Process) -> None:
    while not process.stdin_closed:
        await process.changed.wait()
    process.write(bytes(process.stdin))
    process.end()


async def sleep(agent: ScriptedAgent, process: Process) -> None:
    """Runs until the test ends it."""


SCRIPTS: dict[str, Script] = {"echo": echo, "cat": cat, "sleep": sleep}

DEFAULT: dict[str, Handler] = {
    "exec": run_exec,
    "attach": run_attach,
    "stdin": run_stdin,
    "signal": run_signal,
    "resize": run_ok,
    "list_processes": run_list,
    "read_file": run_read,
    "write_file": run_write,
    "stat_file": run_stat,
    "remove_file": run_ok,
    "configure": run_ok,
}
