"""The agent's side of a file operation: frames from its process to the hub, uploads to it."""

from __future__ import annotations

import os
from collections import deque

from agent import signals
from agent.errors import Refused
from agent.files.channel import DATA, END, FIN, HEADER_BYTES, MESSAGE, TEMPORARY, header

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.files.child import Ends
    from agent.link.stream import Stream
    from agent.loop import Loop
    from agent.schema import Data

PIECE_BYTES = 128 << 10
ABORT_SECONDS = 5.0


class Operation:
    """Handler of every file request. ``left_behind`` gets the paths of a process that died."""

    def __init__(
        self, loop: Loop, stream: Stream, uploads: bool, left_behind: Callable[[list[str]], None]
    ) -> None:
        self._loop, self._stream, self._uploads = loop, stream, uploads
        self._left_behind = left_behind
        self._ends: Ends | None = None
        self._upload: deque[tuple[memoryview, int]] = deque()
        self._record = bytearray()
        self._data_left = self._sent = 0
        self._temporary: list[str] = []
        self._ended = self._released = self._fin_seen = False
        self._offset = 0

    def begin(self, ends: Ends, offset: int) -> None:
        """Its process runs; ``offset`` is that of the first byte that it will send."""
        self._ends, self._offset = ends, offset
        if self._uploads:
            self._write()
        else:
            self._close_upload()
        self._loop.readable(ends.result, self._readable)

    @property
    def over(self) -> bool:
        """Nobody waits for it any more."""
        return self._released or self._stream.over

    def refuse(self, why: Refused) -> None:
        """It could not be started."""
        self._stream.refuse(why)

    def received(self, data: Data) -> None:
        """Bytes of an upload; more than was announced is dropped with the operation's end."""
        if not self._uploads or self._fin_seen:
            self._stream.consumed(len(data.bytes))
            return
        if data.bytes:
            count = len(data.bytes)
            self._upload.append((memoryview(header(DATA, count)), 0))
            self._upload.append((memoryview(data.bytes), count))
        if data.fin:
            self._fin_seen = True
            self._upload.append((memoryview(header(FIN, 0)), 0))
        self._write()

    def pump(self) -> bool:
        """Pass on one record of the process, or a part of it."""
        if self._ends is None or self._ended or self._ends.result < 0:
            return False
        wanted = self._wanted()
        if not wanted:
            return False  # more credit wakes the stream
        try:
            data = os.read(self._ends.result, wanted)
        except BlockingIOError:
            self._loop.readable(self._ends.result, self._readable)
            return False
        if not data:
            self._died()
            return False
        if self._data_left:
            self._stream.send_data(data, self._offset)
            self._offset += len(data)
            self._data_left -= len(data)
        else:
            self._record += data
            self._look()
        return not self._ended

    def reaped(self, status: int) -> None:
        """Its process is gone; what it did not clean up is left to others."""
        if self._ends is not None:
            self._ends.pid = 0
        if status == 0:
            self._temporary = []
        elif self._released:
            self._clean_up()

    def release(self, kill: bool) -> None:
        """Nobody is interested any more: let the process clean up."""
        self._released = True
        self._signal(signals.TERM)
        self._loop.after(ABORT_SECONDS, lambda: self._signal(signals.KILL))
        self._close()

    def _wanted(self) -> int:
        if self._data_left:
            return min(self._data_left, self._stream.credit, PIECE_BYTES)
        if len(self._record) < HEADER_BYTES:
            return HEADER_BYTES - len(self._record)
        length = HEADER_BYTES + int.from_bytes(self._record[1:HEADER_BYTES], "big")
        return length - len(self._record)

    def _look(self) -> None:
        """Deal with the record when it is complete."""
        record = self._record
        if len(record) < HEADER_BYTES:
            return
        kind, length = record[0], int.from_bytes(record[1:HEADER_BYTES], "big")
        if kind == DATA:
            self._data_left = length
        elif len(record) < HEADER_BYTES + length:
            return
        elif kind == MESSAGE:
            self._stream.send_encoded(bytes(record[HEADER_BYTES:]))
        elif kind == FIN:
            self._stream.send_data(b"", self._offset, fin=True)
        elif kind == TEMPORARY:
            self._temporary.append(os.fsdecode(bytes(record[HEADER_BYTES:])))
        elif kind == END:
            self._ended = True
            self._close()
            self._stream.end_encoded(bytes(record[HEADER_BYTES:]))
        self._record = bytearray()

    def _died(self) -> None:
        self._close()
        self._stream.refuse(Refused("internal", "the file operation was ended"))
        self._clean_up()

    def _clean_up(self) -> None:
        paths, self._temporary = self._temporary, []
        if paths:
            self._left_behind(paths)

    def _readable(self) -> None:
        if self._ends is not None and self._ends.result >= 0:
            self._loop.readable(self._ends.result, None)
            self._stream.wake()

    def _write(self) -> None:
        """Pass on what was uploaded, as far as the process takes it."""
        if self._ends is None or self._ends.upload < 0:
            return
        fd = self._ends.upload
        while self._upload:
            data, count = self._upload[0]
            try:
                written = os.write(fd, data)
            except BlockingIOError:
                self._loop.writable(fd, self._write)
                return
            except OSError:
                self._close_upload()  # it has ended early, and says why
                return
            left = data[written:]
            if left:
                self._upload[0] = (left, count)
                continue
            self._upload.popleft()
            self._stream.consumed(count)
        self._loop.writable(fd, None)

    def _signal(self, number: int) -> None:
        if self._ends is not None and self._ends.pid:
            os.kill(self._ends.pid, number)

    def _close_upload(self) -> None:
        if self._ends is not None and self._ends.upload >= 0:
            self._loop.forget(self._ends.upload)
            os.close(self._ends.upload)
            self._ends.upload = -1
        self._upload.clear()

    def _close(self) -> None:
        self._close_upload()
        if self._ends is not None and self._ends.result >= 0:
            self._loop.forget(self._ends.result)
            os.close(self._ends.result)
            self._ends.result = -1
