"""WebSockets to the hub: client sockets and tunnels."""

import json
from dataclasses import replace

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.http11 import Response
from websockets.typing import Subprotocol

from gateway import errors
from kit.caller import HEADER, Caller, CallerTokens
from kit.context import request_id, traceparent
from kit.errors import Failure, NotFound, RateLimited, ScopeMissing, Unauthenticated, Unavailable

OPEN_SECONDS = 20.0
MESSAGE_BYTES = 64 * 1024 * 1024
QUEUED_MESSAGES = 8

_FAILURES: dict[str, type[Failure]] = {
    failure.code: failure
    for failure in (
        errors.SandboxNotFound,
        errors.SandboxDestroyed,
        errors.WrongState,
        errors.PortNotExposed,
        errors.PortNotListening,
        errors.AgentDisconnected,
        ScopeMissing,
        NotFound,
        RateLimited,
    )
}


class HubSockets:
    """Opens WebSockets at the hub, on behalf of a caller."""

    def __init__(self, url: str, tokens: CallerTokens) -> None:
        self._url = url.rstrip("/")
        self._tokens = tokens

    async def open(
        self, path: str, caller: Caller, address: str, subprotocol: str = ""
    ) -> ClientConnection:
        """A socket, without compression. Raises what the hub refused with, or Unavailable."""
        headers = {
            HEADER: self._tokens.mint(replace(caller, address=address)),
            "X-Request-Id": request_id(),
            "Traceparent": traceparent(),
        }
        try:
            return await connect(
                self._url + path,
                additional_headers=headers,
                subprotocols=[Subprotocol(subprotocol)] if subprotocol else None,
                compression=None,
                proxy=None,
                user_agent_header=None,
                open_timeout=OPEN_SECONDS,
                max_size=MESSAGE_BYTES,
                max_queue=QUEUED_MESSAGES,
            )
        except InvalidStatus as error:
            raise refusal(error.response) from error
        except (OSError, TimeoutError, WebSocketException) as error:
            raise Unavailable("The hub does not answer.", retry_after=1) from error


def refusal(response: Response) -> Failure:
    """The hub's problem document as a failure; Unavailable for one that makes no sense."""
    try:
        document = json.loads(response.body or b"")
        code, detail = str(document["code"]), str(document["detail"])
    except (ValueError, KeyError, TypeError):
        code, detail = "", ""
    if code == Unauthenticated.code:
        return Unauthenticated("refused_by_hub")
    told = response.headers.get("Retry-After", "")
    retry_after = float(told) if told.isdigit() else None
    failure = _FAILURES.get(code)
    if failure is None:
        return Unavailable("The hub cannot serve this now.", retry_after=retry_after or 1)
    return failure(detail, retry_after=retry_after)
