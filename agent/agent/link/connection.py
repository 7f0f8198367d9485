"""One WebSocket connection: a non-blocking socket, its buffers, and frames in both directions."""

from __future__ import annotations

import errno
import os
from _socket import IPPROTO_TCP, SO_ERROR, SO_SNDBUF, SOL_SOCKET, TCP_NODELAY
from collections import deque
from itertools import islice

from agent.errors import MalformedFrame
from agent.link import frames
from agent.link.handshake import Handshake, HandshakeRefused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket
    from collections.abc import Callable
    from typing import Protocol

    from agent.loop import Loop

    class Owner(Protocol):
        """Whom a connection tells."""

        def opened(self) -> None:
            """The handshake is done."""

        def message(self, data: bytes) -> None:
            """A binary message came in. May raise MalformedFrame or Violation."""

        def drained(self) -> None:
            """The send buffer has room again."""

        def closed(self, why: Exception) -> None:
            """The connection is over; called once, never from within ``send``."""


HIGH_BYTES = 256 << 10
"""``full`` from here on: bulk data waits."""
STALL_BYTES = 4 << 20
"""From here on nothing is read either, so that answers cannot pile up."""
_RECEIVE_BYTES = 256 << 10
_IOV_LIMIT = 64


class ConnectionLost(Exception):
    """Why a connection ended, for the log."""


class Connection:
    """Starts with a connecting socket; tells its owner what happens."""

    def __init__(self, loop: Loop, sock: socket, handshake: Handshake, owner: Owner) -> None:
        self._loop, self._sock, self._owner = loop, sock, owner
        self._handshake: Handshake | None = handshake
        self._reader = frames.FrameReader()
        self._out: deque[bytes | memoryview] = deque()
        self._out_bytes = 0
        self._reading = self._over = False
        self._flush_due = False
        sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        sock.setsockopt(SOL_SOCKET, SO_SNDBUF, 512 << 10)
        self._call: Callable[[], None] = self._connected
        loop.writable(sock.fileno(), self._writable)

    @property
    def full(self) -> bool:
        """Bulk data should wait for ``drained``."""
        return self._out_bytes >= HIGH_BYTES

    def send(self, *parts: bytes) -> None:
        """Queue one binary message; it leaves when the callback under way returns, or sooner."""
        self._frame(frames.BINARY, parts)

    def close(self, code: int, reason: str) -> None:
        """Say goodbye as far as the socket takes it, and end."""
        if self._over:
            return
        if self._handshake is None:
            self._frame(frames.CLOSE, (frames.close_payload(code, reason),))
            self._flush()
        self._finish(ConnectionLost(f"we closed: {code} {reason}"))

    def _writable(self) -> None:
        self._call()

    def _connected(self) -> None:
        error = self._sock.getsockopt(SOL_SOCKET, SO_ERROR)
        if error:
            self._finish(OSError(error, os.strerror(error)))
            return
        assert self._handshake is not None
        self._call = self._flush
        self._push(self._handshake.request)
        self._flush()
        self._read(True)

    def _readable(self) -> None:
        try:
            data = self._sock.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._finish(error)
            return
        if not data:
            self._finish(ConnectionLost("the hub closed the connection"))
            return
        try:
            self._received(data)
        except HandshakeRefused as error:
            self._finish(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, it came from these bytes
            code = 1002 if isinstance(error, MalformedFrame) else 1008
            self.close(code, str(error)[:100])

    def _received(self, data: bytes) -> None:
        if self._handshake is not None:
            rest = self._handshake.feed(data)
            if rest is None:
                return
            self._handshake = None
            self._owner.opened()
            data = rest
        for opcode, payload in self._reader.feed(data):
            if self._over:
                return
            if opcode == frames.BINARY:
                self._owner.message(payload)
            elif opcode == frames.PING:
                self._frame(frames.PONG, (payload,))
            elif opcode == frames.CLOSE:
                self._frame(frames.CLOSE, (payload[:2],))
                self._flush()
                self._finish(ConnectionLost(f"the hub said {_close_text(payload)}"))

    def _frame(self, opcode: int, parts: tuple[bytes, ...]) -> None:
        if self._over:
            return
        self._push(frames.header(opcode, sum(map(len, parts))))
        for part in parts:
            self._push(part)
        if self._out_bytes >= HIGH_BYTES:
            self._flush()
        elif not self._flush_due:
            self._flush_due = True
            self._loop.soon(self._flush_soon)

    def _push(self, data: bytes) -> None:
        if data:
            self._out.append(data)
            self._out_bytes += len(data)

    def _flush_soon(self) -> None:
        self._flush_due = False
        self._flush()

    def _flush(self) -> None:
        was_full = self.full
        while self._out and not self._over:
            try:
                sent = self._sock.sendmsg(list(islice(self._out, _IOV_LIMIT)))
            except BlockingIOError:
                break
            except OSError as error:
                self._finish_soon(error)
                break
            self._sent(sent)
        if self._over:
            return
        self._loop.writable(self._sock.fileno(), self._writable if self._out else None)
        self._read(self._out_bytes < STALL_BYTES)
        if was_full and not self.full:
            self._loop.soon(self._owner.drained)

    def _sent(self, count: int) -> None:
        self._out_bytes -= count
        out = self._out
        while count:
            first = out.popleft()
            if len(first) > count:
                out.appendleft(memoryview(first)[count:])
                return
            count -= len(first)

    def _read(self, wanted: bool) -> None:
        if wanted != self._reading:
            self._reading = wanted
            self._loop.readable(self._sock.fileno(), self._readable if wanted else None)

    def _finish_soon(self, why: Exception) -> None:
        self._loop.soon(lambda: self._finish(why))

    def _finish(self, why: Exception) -> None:
        if self._over:
            return
        self._over = True
        self._loop.forget(self._sock.fileno())
        self._sock.close()
        self._out.clear()
        self._owner.closed(why)


def _close_text(payload: bytes) -> str:
    if len(payload) < 2:
        return "goodbye without a code"
    return f"{int.from_bytes(payload[:2], 'big')} {payload[2:].decode('utf-8', 'replace')}"


def in_progress(error: int) -> bool:
    """Whether connect_ex's answer means that the connection is on its way."""
    return error in (0, errno.EINPROGRESS)
