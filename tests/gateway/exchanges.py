"""An exchange without a server: what is sent is kept."""

import asyncio
from typing import Any

from gateway.exchange import Exchange, Message


def make_exchange(method: str = "GET") -> Exchange:
    """A request without fields or body, whose caller waits for ever."""

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        return None

    scope: dict[str, Any] = {"type": "http", "method": method}
    return Exchange(scope, receive, send, "test-request", [])
