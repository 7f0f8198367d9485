"""A request to a server behind the gateway and its answer back, streamed both ways.

Nothing is held but what is on its way: 64 KiB of a small request body, 256 KiB of an answer. A slow
side slows the other. A caller that leaves ends the request behind, and the other way round.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gateway.errors import RequestTimeout
from gateway.exchange import CallerLeft, Exchange
from gateway.headers import Fields, of_answer
from gateway.http1.connection import Connection, Lost
from gateway.http1.pool import Pool
from kit.errors import DeadlineExceeded, Failure, Unavailable

SMALL_BODY_BYTES = 64 * 1024
BODY_IDLE_SECONDS = 60.0
WATCH_SECONDS = 0.1
"""Only an answer that takes longer than this is watched for a caller that leaves."""

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})

Judge = Callable[[int], Awaitable[None]]
"""Sees the status before it is passed on; may raise a failure that is answered in its place."""


class Cut(Exception):
    """The answer broke off after its head was sent."""


@dataclass(frozen=True, slots=True)
class Request:
    """What goes to the server: target and fields, without those that frame the body.

    `deadline` in seconds until the head of the answer, 0 for none.
    """

    target: bytes
    fields: Fields
    deadline: float = 0
    edit: Callable[[Fields], Fields] | None = None
    judge: Judge | None = None
    broken: Failure | None = None
    """The answer to a connection that ends unanswered; None: what fits a service of ours."""


def request_head(method: str, target: bytes, fields: Fields) -> bytes:
    """Request line and fields as bytes."""
    lines = [b"%s %s HTTP/1.1\r\n" % (method.encode(), target)]
    for name, value in fields:
        lines += (name, b": ", value, b"\r\n")
    lines.append(b"\r\n")
    return b"".join(lines)


async def forward(exchange: Exchange, pool: Pool, request: Request) -> None:
    """Passes the request on and the answer back.

    Raises a failure while nothing was answered; CallerLeft; Cut when the answer broke off.
    """
    await _Forwarding(exchange, pool, request).run()


class _Forwarding:
    def __init__(self, exchange: Exchange, pool: Pool, request: Request) -> None:
        self._exchange = exchange
        self._pool = pool
        self._request = request
        self._loop = asyncio.get_running_loop()
        self._connection: Connection | None = None
        self._side: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._body = b""
        self._streams = False
        self._chunked = False

    async def run(self) -> None:
        method = self._exchange.method
        if self._exchange.inbound.has_body:
            await self._look_at_body()
        fields = self._request.fields
        if self._chunked:
            fields = [*fields, (b"transfer-encoding", b"chunked")]
        head = request_head(method, self._request.target, fields)
        self._arm()
        try:
            await self._ask(head, method)
        finally:
            if self._timer is not None:
                self._timer.cancel()
            if self._side is not None:
                self._side.cancel()

    async def _ask(self, head: bytes, method: str) -> None:
        may_retry = method in IDEMPOTENT and not self._exchange.inbound.has_body
        connection = self._connection = await self._pool.acquire()
        while True:
            reused = connection.used > 0
            try:
                connection.start(
                    head + self._body, no_body=method == "HEAD", sent=not self._streams
                )
                if self._streams and self._side is None:
                    self._side = self._loop.create_task(self._send_body(connection))
                status = await connection.answered()
                if self._request.judge is not None:
                    await self._request.judge(status)
                await self._relay(connection, status)
                return
            except Lost as lost:
                if self._exchange.status:
                    raise Cut(str(lost)) from lost
                if not (may_retry and reused and lost.unanswered):
                    raise (self._request.broken or _failure(method)) from lost
            finally:
                self._pool.release(connection)
            may_retry = False
            connection = self._connection = await self._pool.acquire(fresh=True)

    async def _relay(self, connection: Connection, status: int) -> None:
        exchange = self._exchange
        fields = of_answer(connection.headers, status)
        if self._request.edit is not None:
            fields = self._request.edit(fields)
        if not connection.complete:
            self._watch()
        await exchange.start(status, fields)
        while not connection.complete:
            data = await connection.body()
            if connection.complete:
                data += connection.take()
                await exchange.body(data, more=False)
                return
            await exchange.body(data, more=True)
        await exchange.body(connection.take(), more=False)

    # Time, and the caller's side.

    def _arm(self) -> None:
        deadline = self._request.deadline
        first = min(WATCH_SECONDS, deadline) if deadline else WATCH_SECONDS
        self._timer = self._loop.call_later(first, self._slow)

    def _slow(self) -> None:
        if self._connection is None:
            self._timer = self._loop.call_later(WATCH_SECONDS, self._slow)
            return
        self._watch()
        deadline = self._request.deadline
        if deadline and not self._exchange.status:
            self._timer = self._loop.call_later(deadline - WATCH_SECONDS, self._expire)

    def _expire(self) -> None:
        if self._connection is not None and not self._exchange.status:
            self._connection.fail(
                DeadlineExceeded(
                    "No answer came in time; what was asked may have been done nevertheless."
                )
            )

    def _watch(self) -> None:
        if self._side is None:
            self._side = self._loop.create_task(self._notice_leaving())

    async def _notice_leaving(self) -> None:
        while (await self._exchange.receive())["type"] != "http.disconnect":
            pass
        if self._connection is not None and not self._connection.complete:
            self._connection.fail(CallerLeft())

    async def _look_at_body(self) -> None:
        """Takes a small body whole, so that it goes out with the head; a large one streams."""
        declared = self._exchange.inbound.read.get(b"content-length")
        self._chunked = declared is None
        if declared is None or int(declared) > SMALL_BODY_BYTES:
            self._streams = True
            return
        parts: list[bytes] = []
        more = True
        while more:
            data, more = await self._receive()
            parts.append(data)
        self._body = b"".join(parts)

    async def _receive(self) -> tuple[bytes, bool]:
        try:
            async with asyncio.timeout(BODY_IDLE_SECONDS):
                message = await self._exchange.receive()
        except TimeoutError:
            raise RequestTimeout("The body stopped coming.") from None
        if message["type"] == "http.disconnect":
            raise CallerLeft
        return message.get("body", b""), message.get("more_body", False)

    async def _send_body(self, connection: Connection) -> None:
        try:
            more = True
            while more:
                data, more = await self._receive()
                if data:
                    connection.write(b"%x\r\n%s\r\n" % (len(data), data) if self._chunked else data)
                    await connection.drain()
            if self._chunked:
                connection.write(b"0\r\n\r\n")
            connection.request_sent = True
        except (CallerLeft, Failure) as error:
            connection.fail(error)
            return
        await self._notice_leaving()


def _failure(method: str) -> Failure:
    if method in ("GET", "HEAD", "OPTIONS"):
        return Unavailable("The service closed the connection; try again.", retry_after=1)
    return DeadlineExceeded(
        "The service closed the connection before it answered;"
        " what was asked may have been done nevertheless."
    )
