"""One connection to an HTTP/1.1 server, over TCP or over a tunnel.

A request is bytes that the caller has framed; the answer is a status, header pairs in lower case
and a body that is read as it comes. At most 256 KiB of it are held; then reading pauses.
"""

import asyncio
from typing import cast

import httptools

BUFFER_BYTES = 256 * 1024
MAX_HEADERS = 256
MAX_HEADER_BYTES = 64 * 1024

Headers = list[tuple[bytes, bytes]]


class Lost(Exception):
    """The connection ended, or spoke no HTTP, before the answer was complete.

    `unanswered` when not one byte of the answer had come.
    """

    def __init__(self, reason: str, *, unanswered: bool) -> None:
        super().__init__(reason)
        self.unanswered = unanswered


class Connection(asyncio.Protocol):
    """One request at a time. Its callbacks are the parser's and the transport's."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._closed = False
        self._busy = False
        self._reading_paused = False
        self._chunks: list[bytes] = []
        self._buffered = 0
        self._header_bytes = 0
        self._until_end = False
        self._no_body = False
        self._keep_alive = True
        self._answered = False
        self._headed = False
        self.status = 0
        self.headers: Headers = []
        self.complete = False
        self.request_sent = True
        self.used = 0
        self.born = self.idle_since = loop.time()

    # What the caller does.

    def start(self, head: bytes, *, no_body: bool = False, sent: bool = True) -> None:
        """Writes the head of a request (and its body, when `sent`); the answer may be awaited.

        `no_body` for HEAD, whose answer has none whatever its headers say.
        """
        self.status = 0
        self.headers = []
        self.complete = self._headed = self._answered = self._until_end = False
        self._no_body = no_body
        self._header_bytes = 0
        self.request_sent = sent
        self.used += 1
        self._busy = True
        self._transport.write(head)

    def write(self, data: bytes) -> None:
        """More of the request's body, framed by the caller."""
        if not self._closed:
            self._transport.write(data)

    async def drain(self) -> None:
        """Waits until the peer has taken enough of what was written."""
        if self._writable is not None and not self._closed:
            await self._writable

    async def answered(self) -> int:
        """Waits for the head of the answer; the status. Raises Lost or what `fail` was given."""
        while not self._headed:
            await self._wait()
        return self.status

    async def body(self) -> bytes:
        """The next bytes of the body; empty at its end. Raises Lost when it was cut."""
        while not self._chunks:
            if self.complete:
                return b""
            await self._wait()
        return self.take()

    def take(self) -> bytes:
        """What is there of the body now."""
        chunks = self._chunks
        if not chunks:
            return b""
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        self._buffered = 0
        if self._reading_paused and not self._closed:
            self._reading_paused = False
            self._transport.resume_reading()
        return data

    def fail(self, error: Exception) -> None:
        """Ends the exchange: whoever waits gets the error, the connection is closed."""
        if self._error is None and not self.complete:
            self._error = error
        self.close()
        self._wake()

    def close(self) -> None:
        """Closes the connection at once."""
        if not self._closed:
            self._closed = True
            self._transport.abort()
            self.resume_writing()

    def release(self) -> bool:
        """Ends the exchange; whether the connection may carry another one."""
        self._busy = False
        self._waiter = None
        return (
            self.complete
            and self.request_sent
            and self._keep_alive
            and not self._chunks
            and not self._closed
            and not self._reading_paused
        )

    @property
    def closed(self) -> bool:
        """Whether it is gone."""
        return self._closed

    async def _wait(self) -> None:
        if self._error is not None:
            raise self._error
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
        error: Exception | None = self._error
        if error is not None and not self._chunks:
            raise error

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if not self._busy or self.complete:
            self.close()  # bytes that nobody asked for
            return
        self._answered = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not (self.complete and self._no_body):
                self.fail(Lost(f"the answer is not HTTP: {error!r}", unanswered=False))
                return
        if self.complete and self._no_body:
            self._parser = httptools.HttpResponseParser(self)
        if self._headed:
            self._wake()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._closed = True
        if self._busy and not self.complete:
            if self._headed and self._until_end and error is None:
                self.complete = True
            elif self._error is None:
                self._error = Lost("the connection was closed", unanswered=not self._answered)
            self._wake()
        self.resume_writing()

    def pause_writing(self) -> None:
        if self._writable is None:
            self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._writable is not None:
            if not self._writable.done():
                self._writable.set_result(None)
            self._writable = None

    # What the parser tells.

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._headed:
            return  # a trailer
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > MAX_HEADER_BYTES or len(self.headers) >= MAX_HEADERS:
            raise ValueError("the head of the answer is too large")
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            self.headers = []  # an interim answer: 100 and 103 tell the caller nothing
            if status == 101:
                raise ValueError("an upgrade that nobody asked for")
            return
        self.status = status
        self._headed = True
        self._keep_alive = self._parser.should_keep_alive()
        if self._no_body:
            self.complete = True
        elif status not in (204, 304):
            framed = any(n in (b"content-length", b"transfer-encoding") for n, _ in self.headers)
            self._until_end = not framed

    def on_body(self, data: bytes) -> None:
        if self.complete:
            return
        self._chunks.append(data)
        self._buffered += len(data)
        if self._buffered >= BUFFER_BYTES and not self._reading_paused:
            self._reading_paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        if self._headed:
            self.complete = True
            self._keep_alive = self._keep_alive and not self._until_end
