"""What the public port asks of a request's head: that it comes in time, in bounds and well formed.

The server's own protocol with three additions: 10 s for a head to be complete (408), 64 KiB and 100
fields at most (431), and problem documents for what is no HTTP at all (400).
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from gateway.errors import BadRequest, HeadersTooLarge, RequestTimeout
from gateway.exchange import problem
from kit.context import accept_request_id
from kit.errors import Failure

HEAD_SECONDS = 10.0
HEAD_BYTES = 64 * 1024
LINGER_SECONDS = 0.5
URL_BYTES = 16 * 1024
HEAD_FIELDS = 100
KEEP_ALIVE_SECONDS = 65
"""Longer than clients keep idle connections, so that they close first."""


class _Refused(Exception):
    """Stops the parser; the failure is kept beside it."""


class PublicProtocol(HttpToolsProtocol):
    """One connection of a caller."""

    head_seconds = HEAD_SECONDS

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._reading_head = False
        self._head_bytes = 0
        self._refusal: Failure | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._lingering = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
        super().connection_made(transport)
        self._timer = self.loop.call_later(self.head_seconds, self._slow)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._lingering:
            return
        self._head_bytes += len(data)
        super().data_received(data)
        if not self._reading_head:
            self._head_bytes = 0
        elif self._head_bytes > HEAD_BYTES:
            self._refuse(HeadersTooLarge("The head of a request may have at most 64 KiB."))
        elif self._timer is None:
            self._timer = self.loop.call_later(self.head_seconds, self._slow)

    def on_message_begin(self) -> None:
        self._reading_head = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        # Trailers come by the same way, and must not pass for headers.
        if self._reading_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._reading_head = False
        self._disarm()
        if self._too_large():
            self._refusal = HeadersTooLarge("The head of this request is too large.")
            raise _Refused
        super().on_headers_complete()

    def _too_large(self) -> bool:
        if len(self.headers) > HEAD_FIELDS or len(self.url) > URL_BYTES:
            return True
        # What came with it bounds the head; only a large piece is worth measuring.
        if self._head_bytes <= HEAD_BYTES:
            return False
        return sum(len(name) + len(value) for name, value in self.headers) > HEAD_BYTES

    def send_400_response(self, msg: str) -> None:
        self._refuse(self._refusal or BadRequest("This is not a valid HTTP request."))

    def _slow(self) -> None:
        self._timer = None
        if self._reading_head:
            self._refuse(RequestTimeout("The head of the request did not come within 10 s."))
        elif not self.transport.is_closing():
            self.transport.close()

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, failure: Failure) -> None:
        if self.transport.is_closing() or self._lingering:
            return
        self._reading_head = False
        self._disarm()
        request_id = accept_request_id(None)
        status, fields, body = problem(failure)
        fields += [
            (b"content-length", b"%d" % len(body)),
            (b"x-request-id", request_id.encode()),
            (b"connection", b"close"),
        ]
        lines = b"".join(b"%s: %s\r\n" % field for field in fields)
        self.transport.write(STATUS_LINE[status] + lines + b"\r\n" + body)
        # Closing with bytes unread would reset the connection and lose the answer on its way.
        self._lingering = True
        self.transport.write_eof()
        self._timer = self.loop.call_later(LINGER_SECONDS, self.transport.close)
