"""One client socket: many requests at once, each a task; answers as they come.

Bounds: 256 requests at once; a frame has at most 1 MiB; a client that takes nothing for
`slow_seconds` is closed with 4408. Leaving ends no process: whoever comes back attaches to it.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from kit.errors import Failure, Internal, RateLimited, ValidationFailed
from kit.parse import check_text, parse_json
from ws_hub.errors import AlreadyExists, Cancelled
from ws_hub.feed import Feed
from ws_hub.files import Watch
from ws_hub.sandboxes import Sandbox
from ws_hub.switchboard import Switchboard

logger = logging.getLogger(__name__)

MAX_REQUESTS = 256
MAX_ID_CHARACTERS = 128
SLOW_READER = 4408
SANDBOX_GONE = 4404

RequestId = str | int
Respond = Callable[["ClientSession", "Request"], Awaitable[None]]


class Request:
    """One request under way."""

    __slots__ = ("feed", "fields", "id", "input", "task", "type", "watch", "watch_id")

    def __init__(self, ident: RequestId, kind: str, fields: dict[str, Any]) -> None:
        self.id = ident
        self.type = kind
        self.fields = fields
        self.feed: Feed | None = None
        self.watch: Watch | None = None
        self.watch_id = ""
        self.input: asyncio.Queue[bytes] | None = None
        self.task: asyncio.Task[None] | None = None


class ClientSession:
    """Reads requests and runs them; `handlers` are by type, `inline` ones run before the next."""

    def __init__(
        self,
        socket: ServerConnection,
        switchboard: Switchboard,
        sandbox: Sandbox,
        slow_seconds: float,
    ) -> None:
        self.board = switchboard
        self.sandbox_id = sandbox.sandbox_id
        self.requests: dict[RequestId, Request] = {}
        self.locks: dict[str, asyncio.Lock] = {}
        self._socket = socket
        self._slow = slow_seconds
        self._closing: asyncio.Task[None] | None = None

    async def run(self, handlers: dict[str, Respond], inline: dict[str, Respond]) -> None:
        """Serves the socket until it closes."""
        try:
            async for message in self._socket:
                await self._accept(message, handlers, inline)
        except ConnectionClosed:
            pass
        finally:
            await self._leave()

    async def _accept(
        self, message: str | bytes, handlers: dict[str, Respond], inline: dict[str, Respond]
    ) -> None:
        ident: RequestId | None = None
        try:
            document = _document(message)
            ident = _ident(document)
            kind = document.pop("type", None)
            # What a file holds may have a NUL in it; nothing else may.
            check_text({name: document[name] for name in document if name != "content"})
            request = Request(ident, str(kind), document)
            self.board.activity.note(self.sandbox_id)
            if isinstance(kind, str) and kind in inline:
                await inline[kind](self, request)
                return
            if not isinstance(kind, str) or kind not in handlers:
                raise ValidationFailed.of("type", "is not a known type of request")
            self._admit(request, handlers[kind])
        except Failure as failure:
            await self.fail(ident, failure)

    def _admit(self, request: Request, handler: Respond) -> None:
        if request.id in self.requests:
            raise AlreadyExists("A request with this id is under way.")
        if len(self.requests) >= MAX_REQUESTS:
            raise RateLimited(f"{MAX_REQUESTS} requests are under way on this socket, its limit.")
        self.requests[request.id] = request
        request.task = asyncio.create_task(self._run(request, handler))

    async def _run(self, request: Request, handler: Respond) -> None:
        try:
            await handler(self, request)
        except Failure as failure:
            await self.fail(request.id, failure)
        except asyncio.CancelledError:
            if self._closing is not None:
                raise
            await self.fail(request.id, Cancelled("The request was cancelled."))
        except ConnectionClosed:
            pass
        except Exception:
            logger.exception("request failed", extra={"type": request.type})
            await self.fail(request.id, Internal("Something went wrong on our side."))
        finally:
            if request.feed is not None:
                request.feed.close()
            if request.watch is not None:
                request.watch.close()
            self.requests.pop(request.id, None)

    async def fail(self, ident: RequestId | None, failure: Failure) -> None:
        """An `error` frame."""
        frame: dict[str, Any] = {"id": ident, "type": "error", "error": failure.detail}
        frame["code"] = failure.code
        if failure.errors:
            frame["errors"] = [{"field": e.field, "message": e.message} for e in failure.errors]
        await self.send(frame)

    async def send(self, frame: dict[str, Any]) -> None:
        """A frame, waiting while the client is slow, but not for ever."""
        await self.send_text(json.dumps(frame))

    async def send_text(self, text: str) -> None:
        """A frame that is JSON already."""
        try:
            async with asyncio.timeout(self._slow):
                await self._socket.send(text)
        except TimeoutError:
            self.close(SLOW_READER, "slow reader")
            raise asyncio.CancelledError from None
        except ConnectionClosed:
            pass

    def close(self, code: int, reason: str) -> None:
        """Closes the socket; the reading task ends by that."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._socket.close(code, reason[:120]))

    async def _leave(self) -> None:
        closing = self._closing or asyncio.create_task(self._socket.close())
        self._closing = closing
        tasks = [request.task for request in self.requests.values() if request.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(closing, *tasks, return_exceptions=True)


def _document(message: str | bytes) -> dict[str, Any]:
    if isinstance(message, bytes):
        raise ValidationFailed("A frame is one JSON object as text.")
    document = parse_json(message)
    if not isinstance(document, dict):
        raise ValidationFailed("A frame is one JSON object.")
    return document


def _ident(document: dict[str, Any]) -> RequestId:
    ident = document.pop("id", None)
    if isinstance(ident, str) and 0 < len(ident) <= MAX_ID_CHARACTERS:
        return ident
    if isinstance(ident, int) and not isinstance(ident, bool) and abs(ident) <= 2**53:
        return ident
    raise ValidationFailed.of(
        "id", f"must be a text of 1 to {MAX_ID_CHARACTERS}, or a whole number"
    )
