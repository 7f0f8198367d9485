"""One request being answered: what came, what goes back, and what the log will say of it."""

import json
import math
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from gateway.forwarded import Origin
from gateway.headers import Fields, Inbound
from kit import problems
from kit.errors import Failure

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class CallerLeft(Exception):
    """The caller closed the connection; nobody waits for an answer."""


@dataclass(slots=True)
class Exchange:
    """A request and its answer. `extra` are the fields that the answer gets on top of its own."""

    scope: Scope
    receive: Receive
    send: Send
    request_id: str
    extra: Fields
    inbound: Inbound = field(default_factory=Inbound)
    origin: Origin = field(default_factory=lambda: Origin(""))
    started: float = field(default_factory=perf_counter)
    answered_after: float = 0.0
    route: str = ""
    upstream: str = ""
    user_id: str = ""
    key_prefix: str = ""
    status: int = 0
    bytes_out: int = 0
    complete: bool = False

    @property
    def method(self) -> str:
        """The request's method; GET for an upgrade to WebSocket."""
        return str(self.scope.get("method", "GET"))

    def _kind(self, part: str) -> str:
        # A refused upgrade is answered by the `websocket.http.response` extension of ASGI.
        upgrade = "websocket." if self.scope["type"] == "websocket" else ""
        return f"{upgrade}http.response.{part}"

    async def start(self, status: int, fields: Fields) -> None:
        """Sends the head of the answer."""
        self.status = status
        self.answered_after = perf_counter() - self.started
        await self.send(
            {"type": self._kind("start"), "status": status, "headers": fields + self.extra}
        )

    async def body(self, data: bytes, *, more: bool) -> None:
        """Sends a part of the body; waits while the caller is slow."""
        self.bytes_out += len(data)
        await self.send({"type": self._kind("body"), "body": data, "more_body": more})
        self.complete = not more

    async def answer(self, status: int, fields: Fields, body: bytes = b"") -> None:
        """Sends a whole answer."""
        if status != 204:
            fields = [*fields, (b"content-length", b"%d" % len(body))]
        await self.start(status, fields)
        await self.body(b"" if self.method == "HEAD" else body, more=False)

    async def accept(self, subprotocol: str | None, fields: Fields) -> None:
        """Agrees to an upgrade. Only the id goes with it: an upgrade has no page to protect."""
        self.status = 101
        self.answered_after = perf_counter() - self.started
        headers = [*fields, (b"x-request-id", self.request_id.encode())]
        await self.send(
            {"type": "websocket.accept", "subprotocol": subprotocol, "headers": headers}
        )

    async def send_message(self, data: str | bytes) -> None:
        """Sends a message on the open socket; waits while the caller is slow."""
        self.bytes_out += len(data)
        kind = "text" if isinstance(data, str) else "bytes"
        await self._send_to_socket({"type": "websocket.send", kind: data})

    async def close(self, code: int, reason: str = "") -> None:
        """Closes the open socket."""
        await self._send_to_socket({"type": "websocket.close", "code": code, "reason": reason})

    async def _send_to_socket(self, message: Message) -> None:
        try:
            await self.send(message)
        except OSError:  # ASGI: the other side has gone
            raise CallerLeft from None

    async def refuse(self, failure: Failure) -> None:
        """Sends the problem document of a failure."""
        status, fields, body = problem(failure)
        await self.answer(status, fields, body)


def problem(failure: Failure) -> tuple[int, Fields, bytes]:
    """The answer of a failure: status, fields and body."""
    document = problems.document(failure)
    fields = [
        (b"content-type", problems.MEDIA_TYPE.encode()),
        (b"cache-control", b"no-store"),
        *((name.lower().encode(), value.encode()) for name, value in failure.headers),
    ]
    if failure.retry_after is not None:
        fields.append((b"retry-after", b"%d" % max(1, math.ceil(failure.retry_after))))
    return problems.HTTP_STATUS[failure.code], fields, json.dumps(document).encode()
