"""The hub's WebSocket port: client sockets that echo, tunnels to TCP servers of this machine."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from kit.caller import Caller, CallerTokens
from kit.errors import Failure
from kit.problems import HTTP_STATUS, document
from tests.support.servers import free_port


@dataclass
class FakeHub:
    """Who came, and the refusal that the next upgrade gets."""

    tokens: CallerTokens
    port: int = field(default_factory=free_port)
    callers: list[Caller] = field(default_factory=list)
    refusal: Failure | None = None
    closed: list[int] = field(default_factory=list)
    tunnels: int = 0

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        self.callers.append(self.tokens.verify(request.headers["x-insien-caller"]))
        if self.refusal is None:
            return None
        body = json.dumps(document(self.refusal)).encode()
        headers = Headers({"Content-Length": str(len(body)), "Retry-After": "3"})
        return Response(HTTP_STATUS[self.refusal.code], "No", headers, body)

    async def _handle(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        kind, _, port = socket.request.path[1:].split("/") + [""] * (
            3 - socket.request.path.count("/")
        )
        if kind == "tunnel":
            await self._tunnel(socket, int(port))
            return
        with contextlib.suppress(ConnectionClosed):
            async for message in socket:
                if message == "close":
                    await socket.close(4404, "sandbox gone")
                elif message == "abort":
                    socket.transport.abort()
                else:
                    await socket.send(message)
        self.closed.append(socket.close_code or 0)

    async def _tunnel(self, socket: ServerConnection, port: int) -> None:
        self.tunnels += 1
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        async def down() -> None:
            with contextlib.suppress(ConnectionClosed, ConnectionError):
                while data := await reader.read(65536):
                    await socket.send(data)
                await socket.send(b"")  # As the hub does, which lets the other way go on.

        task = asyncio.create_task(down())
        with contextlib.suppress(ConnectionClosed):
            async for data in socket:
                assert isinstance(data, bytes)
                writer.write(data)
                await writer.drain()
        task.cancel()
        writer.close()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """The hub, on its port."""
        server = await serve(
            self._handle,
            "127.0.0.1",
            self.port,
            process_request=self._admit,
            compression=None,
            max_size=None,
        )
        try:
            yield
        finally:
            server.close()
            await server.wait_closed()
