"""Connections to programs that listen on the sandbox's loopback."""

from __future__ import annotations

from _socket import (
    AF_INET,
    AF_INET6,
    IPPROTO_TCP,
    SHUT_WR,
    SO_ERROR,
    SOCK_CLOEXEC,
    SOCK_NONBLOCK,
    SOCK_STREAM,
    SOL_SOCKET,
    TCP_NODELAY,
    socket,
)
from collections import deque

from agent.errors import Refused
from agent.link.connection import in_progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent.link.stream import Stream
    from agent.loop import Loop, Timer
    from agent.schema import Data, Dial

ADDRESSES = ((AF_INET, "127.0.0.1"), (AF_INET6, "::1"))
CONNECT_SECONDS = 10.0
WINDOW_BYTES = 1 << 20
_PIECE_BYTES = 128 << 10


class Port:
    """Handler of Dial: one TCP connection, both ways, each with its own end."""

    def __init__(self, loop: Loop, stream: Stream, request: Dial) -> None:
        if not 1 <= request.port <= 65535:
            raise Refused("invalid_argument", "no such port", "port")
        self._loop, self._stream, self._port = loop, stream, request.port
        self._addresses = list(ADDRESSES)
        self._sock: socket | None = None
        self._out: deque[memoryview] = deque()
        self._stands = self._no_more_in = self._no_more_out = self._shut = False
        self._timer: Timer = loop.after(CONNECT_SECONDS, self._too_slow)

    def dial(self) -> Port:
        """Try the first address."""
        self._try_next()
        return self

    def received(self, data: Data) -> None:
        """Bytes for the program."""
        if data.bytes:
            self._out.append(memoryview(data.bytes))
        self._no_more_in = self._no_more_in or data.fin
        if self._stands:
            self._write()

    def pump(self) -> bool:
        """Bytes of the program."""
        if self._sock is None or not self._stands or self._no_more_out:
            return False
        limit = min(self._stream.credit, _PIECE_BYTES)
        if not limit:
            return False
        try:
            data = self._sock.recv(limit)
        except BlockingIOError:
            self._loop.readable(self._sock.fileno(), self._readable)
            return False
        except OSError:
            self._end(Refused("internal", "the connection was reset"))
            return False
        self._stream.send_data(data, fin=not data)
        self._no_more_out = not data
        self._end_when_both_have()
        return bool(data)

    def release(self, kill: bool) -> None:
        """Close the connection."""
        self._timer.cancel()
        self._close()

    def _try_next(self) -> None:
        self._close()
        if not self._addresses:
            self._end(Refused("port_not_listening", f"nothing listens on port {self._port}"))
            return
        family, address = self._addresses.pop(0)
        try:
            sock = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)
        except OSError:
            self._try_next()  # no IPv6 here
            return
        self._sock = sock
        if in_progress(sock.connect_ex((address, self._port))):
            self._loop.writable(sock.fileno(), self._connected)
        else:
            self._try_next()

    def _connected(self) -> None:
        assert self._sock is not None
        self._loop.writable(self._sock.fileno(), None)
        if self._sock.getsockopt(SOL_SOCKET, SO_ERROR):
            self._try_next()
            return
        self._timer.cancel()
        self._sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        self._stands = True
        self._stream.widen(WINDOW_BYTES)
        self._stream.wake()
        self._write()

    def _readable(self) -> None:
        if self._sock is not None:
            self._loop.readable(self._sock.fileno(), None)
            self._stream.wake()

    def _write(self) -> None:
        if self._sock is None:
            return
        while self._out:
            try:
                count = self._sock.send(self._out[0])
            except BlockingIOError:
                self._loop.writable(self._sock.fileno(), self._write)
                return
            except OSError:
                self._end(Refused("internal", "the connection was reset"))
                return
            self._stream.consumed(count)
            left = self._out.popleft()[count:]
            if left:
                self._out.appendleft(left)
        self._loop.writable(self._sock.fileno(), None)
        if self._no_more_in and not self._shut:
            self._shut = True
            try:
                self._sock.shutdown(SHUT_WR)
            except OSError:
                self._no_more_out = True
            self._end_when_both_have()

    def _end_when_both_have(self) -> None:
        if self._no_more_out and self._shut:
            self._close()
            self._stream.end()

    def _too_slow(self) -> None:
        self._end(Refused("port_not_listening", f"port {self._port} does not answer"))

    def _end(self, why: Refused) -> None:
        self._timer.cancel()
        self._close()
        self._stream.refuse(why)

    def _close(self) -> None:
        sock, self._sock = self._sock, None
        if sock is not None:
            self._loop.forget(sock.fileno())
            sock.close()
