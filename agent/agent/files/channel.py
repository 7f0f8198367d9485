"""What a file operation's process says to the agent and hears from it, over two pipes.

Each record is a kind, a length (4 bytes, big-endian) and that many bytes. To the agent: MESSAGE
and END carry an encoded FromAgent, DATA bulk bytes for the hub, FIN nothing, TEMPORARY a path to
remove should the process die. From the agent: DATA and FIN; the pipe's end without FIN means that
the upload was given up.
"""

from __future__ import annotations

import os

from agent.schema import End, FromAgent
from agent.wire import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from agent.errors import Refused

MESSAGE, DATA, FIN, END, TEMPORARY = b"MDFET"
HEADER_BYTES = 5
PIECE_BYTES = 256 << 10


class Aborted(Exception):
    """Nobody waits for the result any more."""


def header(kind: int, length: int) -> bytes:
    """What stands before a record's bytes."""
    return bytes((kind,)) + length.to_bytes(4, "big")


class Channel:
    """The child's ends. Blocking; raises Aborted when the agent has closed its own."""

    def __init__(self, result: int, upload: int) -> None:
        self._result, self._upload = result, upload

    def send(self, **kind: Any) -> None:
        """A frame such as ``file=FileInfo(…)``."""
        self._record(MESSAGE, encode(FromAgent(**kind)))

    def data(self, data: bytes | memoryview) -> None:
        """Bulk bytes."""
        self._record(DATA, data)

    def fin(self) -> None:
        """No more bulk bytes will come."""
        self._record(FIN, b"")

    def temporary(self, path: str) -> None:
        """Something at this path has to go if we cannot do it ourselves."""
        self._record(TEMPORARY, os.fsencode(path))

    def end(self, why: Refused | None) -> None:
        """The last word."""
        end = End() if why is None else End(code=why.code, detail=why.detail, field=why.field)
        self._record(END, encode(FromAgent(end=end)))

    def received(self) -> Iterator[bytes]:
        """The upload's bytes up to its FIN."""
        while True:
            head = self._exactly(HEADER_BYTES)
            if head[0] == FIN:
                return
            left = int.from_bytes(head[1:], "big")
            while left:
                piece = os.read(self._upload, min(left, PIECE_BYTES))
                if not piece:
                    raise Aborted
                left -= len(piece)
                yield piece

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = os.read(self._upload, count - len(data))
            if not piece:
                raise Aborted
            data += piece
        return data

    def _record(self, kind: int, data: bytes | memoryview) -> None:
        parts: list[bytes | memoryview] = [header(kind, len(data)), data]
        try:
            while parts:
                count = os.writev(self._result, parts)
                while parts and count >= len(parts[0]):
                    count -= len(parts.pop(0))
                if count:
                    parts[0] = memoryview(parts[0])[count:]
        except BrokenPipeError as error:
            raise Aborted from error
