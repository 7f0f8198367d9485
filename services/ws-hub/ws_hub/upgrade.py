"""The HTTP part of a WebSocket: who may open which, and the problem document for who may not."""

import logging
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import jwt
from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from kit import problems
from kit.context import accept_request_id, accept_traceparent, request_id
from kit.errors import Failure, Internal, NotFound, Unauthenticated, ValidationFailed
from ws_hub.errors import SandboxNotFound

logger = logging.getLogger(__name__)

AGENT_SUBPROTOCOL = Subprotocol("insien.agent.v1")
CLIENT_SUBPROTOCOL = Subprotocol("insien.v1")
AGENT_AUDIENCE = "ws-hub"

_PATH = re.compile(r"/(agent|client|tunnel)/([^/]+)(?:/([^/]+))?")


@dataclass(frozen=True, slots=True)
class Address:
    """What a socket was opened for."""

    kind: str
    sandbox_id: str
    port: int = 0


Handler = Callable[[ServerConnection], Awaitable[None]]
Admit = Callable[[Address, Request], Awaitable[Handler]]
"""Decides on an upgrade: the handler of the socket, or a Failure."""


def parse(path: str) -> Address:
    """The address in a request's path. Raises NotFound, SandboxNotFound, ValidationFailed."""
    match = _PATH.fullmatch(urlsplit(path).path)
    if match is None or (match[1] == "tunnel") != (match[3] is not None):
        raise NotFound("There is nothing at this path.")
    sandbox_id = canonical(match[2])
    if match[3] is None:
        return Address(match[1], sandbox_id)
    if not (match[3].isascii() and match[3].isdigit() and 1 <= int(match[3]) <= 65535):
        raise ValidationFailed.of("port", "must be a number from 1 to 65535")
    return Address(match[1], sandbox_id, int(match[3]))


def canonical(sandbox_id: str) -> str:
    """The id in its one spelling. Raises SandboxNotFound when it is no UUID."""
    try:
        parsed = uuid.UUID(sandbox_id)
    except ValueError:
        raise SandboxNotFound("There is no such sandbox.") from None
    if str(parsed) != sandbox_id.lower():
        raise SandboxNotFound("There is no such sandbox.")
    return str(parsed)


def require_agent_token(headers: Headers, sandbox_id: str, secret: str) -> None:
    """Raises Unauthenticated unless the token is this very sandbox's."""
    authorization = headers.get("Authorization", "")
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated("no_agent_token")
    try:
        claims: dict[str, Any] = jwt.decode(
            token.strip(),
            secret,
            algorithms=["HS256"],
            audience=AGENT_AUDIENCE,
            options={"require": ["aud", "sub"]},
        )
    except jwt.PyJWTError as error:
        raise Unauthenticated(f"agent_token_{type(error).__name__}") from error
    if claims["sub"] != sandbox_id:
        raise Unauthenticated("agent_token_of_another")


def offered(headers: Headers) -> list[str]:
    """The subprotocols that the caller offers."""
    lines = ",".join(headers.get_all("Sec-WebSocket-Protocol"))
    return [name.strip() for name in lines.split(",") if name.strip()]


class Upgrades:
    """The hooks that the WebSocket server calls, and the handlers that they chose."""

    def __init__(self, admit: Mapping[str, Admit]) -> None:
        self._admit = admit
        self._chosen: WeakKeyDictionary[ServerConnection, Handler] = WeakKeyDictionary()
        self.closing = False

    async def process_request(
        self, connection: ServerConnection, request: Request
    ) -> Response | None:
        """Decides before the upgrade; None lets it happen."""
        accept_request_id(request.headers.get("X-Request-Id"))
        accept_traceparent(request.headers.get("traceparent"))
        try:
            address = parse(request.path)
            self._chosen[connection] = await self._admit[address.kind](address, request)
        except Failure as failure:
            return refusal(failure)
        except Exception:
            logger.exception("upgrade failed")
            return refusal(Internal("Something went wrong on our side; it has been logged."))
        return None

    async def handle(self, connection: ServerConnection) -> None:
        """Runs the chosen handler."""
        handler = self._chosen.pop(connection)
        forget_headers(connection)
        await handler(connection)


def select_subprotocol(
    connection: ServerConnection, subprotocols: Sequence[Subprotocol]
) -> Subprotocol | None:
    """The one of ours that is offered, if any."""
    for ours in (AGENT_SUBPROTOCOL, CLIENT_SUBPROTOCOL):
        if ours in subprotocols:
            return ours
    return None


def forget_headers(connection: ServerConnection) -> None:
    """Drops what the upgrade needed: thousands of idle sockets would keep it for nothing."""
    if connection.request is not None:
        connection.request.headers = Headers()
    if connection.response is not None:
        connection.response.headers = Headers()


def refusal(failure: Failure) -> Response:
    """The problem document as an answer to an upgrade."""
    answer = problems.response(failure)
    headers = Headers()
    for name, value in answer.headers.items():
        headers[name] = value
    headers["X-Request-Id"] = request_id()
    headers["Connection"] = "close"
    phrase = HTTPStatus(answer.status_code).phrase
    return Response(answer.status_code, phrase, headers, bytes(answer.body))
