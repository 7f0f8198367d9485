"""Streams that follow a process's output, and one that feeds its input."""

from __future__ import annotations

from agent.errors import Refused
from agent.link.stream import CHUNK_BYTES
from agent.processes.hold import Reader
from agent.schema import Started

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent.link.stream import Stream
    from agent.loop import Loop
    from agent.processes.process import Process
    from agent.schema import Data


class Follow:
    """Handler of Exec and Attach: Started, the output from an offset, End."""

    def __init__(self, loop: Loop, stream: Stream, process: Process, offset: int) -> None:
        self.reader = Reader(offset, loop.now())
        self.detach = False
        self.live = True
        self._loop, self._stream, self._process = loop, stream, process
        self._until = -1
        self._started = False

    def begin(self) -> None:
        """Follow from now on."""
        self._process.followers.append(self)
        if self._process.confirmed:
            self.started()

    def started(self) -> None:
        """The program runs, or ran."""
        process, log = self._process, self._process.log
        asked = self.reader.offset
        if asked > log.next:
            self._leave()
            why = f"the log ends at {log.next}"
            self._stream.refuse(Refused("invalid_argument", why, "offset"))
            return
        offset = max(asked, log.first)
        self.reader.moved(offset, self._loop.now())
        self._until = -1 if self.live else log.next
        self._started = True
        self._stream.send(
            started=Started(
                process_id=process.id,
                pid=process.pid,
                offset=offset,
                dropped=offset - asked,
                running=process.exit is None,
            )
        )
        if self.detach:
            self._leave()
            self._stream.end()
        else:
            self._stream.wake()

    def failed(self, why: Refused) -> None:
        """It could not be started."""
        self._stream.refuse(why)

    def wake(self) -> None:
        """There is more output, or the end."""
        self._stream.wake()

    def received(self, data: Data) -> None:
        """Nothing is expected here: input comes on a stream of its own."""
        self._stream.consumed(len(data.bytes))

    def pump(self) -> bool:
        """Send a piece of the log."""
        if not self._started:
            return False
        log, reader = self._process.log, self.reader
        end = log.next if self._until < 0 else self._until
        limit = min(self._stream.credit, CHUNK_BYTES, end - reader.offset)
        piece = log.read(reader.offset, limit)
        if piece is not None and piece[1] < end:
            channel, offset, data = piece
            self._stream.send_data(data, offset, channel)
            reader.moved(offset + len(data), self._loop.now())
            self._process.progress()
            return True
        if max(reader.offset, log.first) >= end and (self._until >= 0 or self._process.finished):
            self._leave()
            self._stream.end(self._process.ended())
        return False

    def release(self, kill: bool) -> None:
        """The process runs on, unless it is to be killed."""
        self._leave()
        if kill:
            self._process.kill()

    def _leave(self) -> None:
        if self in self._process.followers:
            self._process.followers.remove(self)
            self._process.progress()


class Feed:
    """Handler of Stdin: End when every byte is in the process's pipe."""

    def __init__(self, stream: Stream, process: Process, close: bool) -> None:
        if process.stdin is None or not process.stdin.open:
            raise Refused("invalid_argument", "standard input is closed")
        self._stream, self._close = stream, close
        self._stdin = process.stdin
        self._waiting = 0
        self._fin = False

    def received(self, data: Data) -> None:
        """Queue it behind what others have fed."""
        if self._fin or not self._stdin.open:
            self.broken()
            return
        self._fin = data.fin
        self._waiting += len(data.bytes)
        self._stdin.feed(data.bytes, self)
        self._end_when_written()

    def written(self, count: int) -> None:
        """The process has room for more."""
        self._waiting -= count
        self._stream.consumed(count)
        self._end_when_written()

    def broken(self) -> None:
        """Nobody reads it."""
        self._stream.refuse(Refused("invalid_argument", "standard input is closed"))

    def pump(self) -> bool:
        """Nothing goes this way."""
        return False

    def release(self, kill: bool) -> None:
        """What was received is still written."""

    def _end_when_written(self) -> None:
        if not self._fin or self._waiting or self._stream.over:
            return
        if self._close:
            self._stdin.finish()
        self._stream.end()
