"""What can be done with processes once they were started: look, read, feed, signal, kill."""

import asyncio
import base64
import signal as signals
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from kit.errors import DeadlineExceeded, ValidationFailed
from wire.agent.v1.agent_pb2 import (
    Attach,
    Data,
    ListProcesses,
    Open,
    Process,
    Resize,
    Signal,
    Started,
    Stdin,
    TerminalSize,
)
from ws_hub.calls import LOST, Calls, collect
from ws_hub.command_models import Chunk, OutputAnswer, ProcessView
from ws_hub.commands import STDOUT, exit_code, signal_name
from ws_hub.errors import AgentDisconnected, ProcessNotFound
from ws_hub.feed import Feed
from ws_hub.stream import StreamLost

OUTPUT_BYTES = 4 * 1024 * 1024
"""What one answer of `output` carries at most; `nextOffset` tells where to go on."""

_SIGNALS = {name.name: name.value for name in signals.Signals}
_MAX_MS = 253_402_300_799_000  # the end of the year 9999


def view(process: Process) -> ProcessView:
    """A process as the public API shows it."""
    ended = process.exit if process.HasField("exit") and not process.running else None
    started_at = datetime.fromtimestamp(min(process.started_at_ms, _MAX_MS) / 1000, UTC)
    return ProcessView(
        process_id=process.process_id,
        pid=process.pid,
        command=process.command,
        user=process.user,
        cwd=process.cwd,
        terminal=process.terminal,
        running=process.running,
        exit_code=exit_code(ended),
        signal=signal_name(ended),
        timed_out=bool(ended and ended.timed_out),
        started_at=started_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        duration_ms=ended.duration_ms if ended else None,
        first_offset=process.first_offset,
        next_offset=process.next_offset,
    )


async def find(calls: Calls, sandbox_id: str, process: str = "") -> list[ProcessView]:
    """All processes, or the one with this processId or pid. Raises ProcessNotFound."""
    request = Open(list_processes=ListProcesses(process=process))
    frames = await calls.ask(sandbox_id, request, repeat=True)
    found = [view(item) for frame in frames for item in frame.processes.processes]
    if process and not found:
        raise ProcessNotFound("There is no such process.")
    return found


def attach_request(process: str, offset: int, *, follow: bool) -> Open:
    """The frame that follows a process."""
    return Open(attach=Attach(process=process, offset=offset, follow=follow))


async def output(feed: Feed) -> OutputAnswer:
    """What the log of an attached process holds, up to 4 MiB. Raises ProcessNotFound."""
    started = await feed.start()
    chunks: list[Chunk] = []
    size = 0
    next_offset, dropped = started.offset, started.dropped
    ended, running = None, started.running
    while size < OUTPUT_BYTES:
        frame = await feed.recv()
        if isinstance(frame, Data):
            chunks.append(chunk(frame))
            size += len(frame.bytes)
            next_offset = frame.offset + len(frame.bytes)
        elif not isinstance(frame, Started):
            ended = frame.exit if frame.HasField("exit") else None
            running = ended is None
            break
    return OutputAnswer(
        process_id=started.process_id,
        chunks=chunks,
        next_offset=next_offset,
        dropped=dropped,
        running=running,
        exit_code=exit_code(ended),
        signal=signal_name(ended),
    )


def chunk(data: Data) -> Chunk:
    """A piece of output in its public form."""
    stream = "stdout" if data.channel == STDOUT else "stderr"
    return Chunk(stream=stream, offset=data.offset, data=base64.b64encode(data.bytes).decode())  # type: ignore[arg-type]  # mypy widens the literal


async def write(
    calls: Calls, sandbox_id: str, request: Stdin, source: AsyncIterator[bytes]
) -> None:
    """Sends bytes to a process's standard input, in order. Raises ProcessNotFound."""
    try:
        async with await calls.open(sandbox_id, Open(stdin=request)) as stream:
            wanted = True
            async for part in source:
                async with asyncio.timeout(calls.waits.operation):
                    wanted = await stream.send(part)
                if not wanted:
                    break
            async with asyncio.timeout(calls.waits.operation):
                if wanted:
                    await stream.send(b"", fin=True)
                await collect(stream)
    except StreamLost as lost:
        raise AgentDisconnected(LOST) from lost
    except TimeoutError:
        raise DeadlineExceeded(
            "The process does not read its input; part of it may have been written."
        ) from None


def signal_number(name: str) -> int:
    """The number of a signal's name. Raises ValidationFailed."""
    number = _SIGNALS.get(name.upper() if name.upper().startswith("SIG") else f"SIG{name.upper()}")
    if number is None:
        raise ValidationFailed.of("signal", "is not the name of a signal, such as SIGTERM")
    return number


async def send_signal(calls: Calls, sandbox_id: str, process: str, name: str) -> None:
    """Sends a signal to a process's group. Raises ProcessNotFound."""
    request = Open(signal=Signal(process=process, number=signal_number(name)))
    await calls.ask(sandbox_id, request, repeat=False)


async def resize(calls: Calls, sandbox_id: str, process: str, size: TerminalSize) -> None:
    """Sets a terminal's size. Raises ProcessNotFound."""
    await calls.ask(sandbox_id, Open(resize=Resize(process=process, size=size)), repeat=True)
