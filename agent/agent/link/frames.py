"""RFC 6455 frames, the client's side, without I/O.

Frames are "masked" with the key 0. Section 10.3 wants an unpredictable key so that a script in a
browser cannot place bytes of its choice on the wire in front of a naive proxy; a program in a
sandbox can open a TCP connection and send what it likes, so a random key would protect nobody,
and cost a pass over every byte.
"""

from __future__ import annotations

from agent.errors import MalformedFrame

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
MESSAGE_LIMIT = 1 << 20
_KNOWN = frozenset((CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG))


def header(opcode: int, length: int) -> bytes:
    """What stands before the ``length`` bytes of an unfragmented frame to the server."""
    if length < 126:
        size = bytes((0x80 | length,))
    elif length < 1 << 16:
        size = b"\xfe" + length.to_bytes(2, "big")
    else:
        size = b"\xff" + length.to_bytes(8, "big")
    return bytes((0x80 | opcode,)) + size + b"\0\0\0\0"


def close_payload(code: int, reason: str = "") -> bytes:
    """Body of a close frame."""
    return code.to_bytes(2, "big") + reason.encode()[:123]


class FrameReader:
    """Bytes in, whole messages out: ``(opcode, payload)`` with BINARY, CLOSE, PING or PONG.

    Never holds more than one message of MESSAGE_LIMIT bytes and what was fed last.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._parts: list[bytes] = []
        self._size = 0
        self._inside = False

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """All messages that ``data`` completes. Raises MalformedFrame."""
        self._buffer += data
        messages = []
        at = 0
        while (frame := self._frame(at)) is not None:
            first, start, at = frame
            with memoryview(self._buffer) as view:
                payload = bytes(view[start:at])
            message = self._message(first, payload)
            if message is not None:
                messages.append(message)
        del self._buffer[:at]
        return messages

    def _frame(self, at: int) -> tuple[int, int, int] | None:
        """First byte, start and end of the payload of the frame at ``at``, when it is complete."""
        buffer = self._buffer
        if len(buffer) < at + 2:
            return None
        first, length = buffer[at], buffer[at + 1]
        self._check(first, length)
        start = at + 2
        if length >= 126:
            start += 2 if length == 126 else 8
            if len(buffer) < start:
                return None
            length = int.from_bytes(buffer[at + 2 : start], "big")
        if length + self._size > MESSAGE_LIMIT:
            raise MalformedFrame("message is larger than 1 MiB")
        if len(buffer) < start + length:
            return None
        return first, start, start + length

    def _check(self, first: int, length: int) -> None:
        opcode = first & 0x0F
        if first & 0x70 or opcode not in _KNOWN:
            raise MalformedFrame("reserved bits or opcode")
        if length & 0x80:
            raise MalformedFrame("a server's frame must not be masked")
        if opcode >= CLOSE:
            if length > 125 or not first & 0x80:
                raise MalformedFrame("control frame is long or fragmented")
        elif (opcode == CONTINUATION) is not self._inside:
            raise MalformedFrame("continuation out of place")

    def _message(self, first: int, payload: bytes) -> tuple[int, bytes] | None:
        opcode, last = first & 0x0F, bool(first & 0x80)
        if opcode >= CLOSE:
            return opcode, payload
        if opcode == TEXT:
            raise MalformedFrame("text message")
        if last and not self._inside:
            return BINARY, payload
        self._parts.append(payload)
        self._size += len(payload)
        self._inside = not last
        if not last:
            if len(self._parts) > 4096:
                raise MalformedFrame("message is in too many fragments")
            return None
        whole = b"".join(self._parts)
        self._parts, self._size = [], 0
        return BINARY, whole
