"""A service behind the gateway, or an app in a sandbox: a real server that tells what it got."""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from kit.serve import http_server, listening_socket
from tests.support.servers import free_port

CHUNK = b"0123456789abcdef" * 4096


@dataclass
class FakeService:
    """What it was asked, and what its `/readyz` says."""

    port: int = field(default_factory=free_port)
    requests: list[dict[str, Any]] = field(default_factory=list)
    checks: dict[str, str] = field(
        default_factory=lambda: {"postgres": "ok", "redis": "ok", "docker": "ok"}
    )
    sent_chunks: int = 0
    left: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.port}"

    def app(self) -> Starlette:
        """The ASGI application."""
        anything = Route("/{path:path}", self._answer)
        anything.methods = None  # every method
        socket = WebSocketRoute("/{path:path}", self._socket)
        return Starlette(routes=[Route("/readyz", self._readyz), socket, anything])

    async def _readyz(self, request: Request) -> Response:
        return JSONResponse({"status": "ok", "checks": self.checks})

    async def _answer(self, request: Request) -> Response:
        told = request.query_params
        digest, size = hashlib.sha256(), 0
        async for chunk in request.stream():
            digest.update(chunk)
            size += len(chunk)
        seen = {
            "method": request.method,
            "path": request.scope["raw_path"].decode(),
            "query": request.url.query,
            "headers": [(n.decode(), v.decode("latin-1")) for n, v in request.scope["headers"]],
            "size": size,
            "sha256": digest.hexdigest(),
        }
        self.requests.append(seen)
        if "hold" in told:
            await self.release.wait()
        if "stream" in told:
            return StreamingResponse(self._chunks(int(told["stream"])))
        headers = dict(json.loads(told.get("headers", "{}")))
        return JSONResponse(seen, int(told.get("status", "200")), headers)

    async def _chunks(self, count: int) -> AsyncIterator[bytes]:
        try:
            for _ in range(count):
                yield CHUNK
                self.sent_chunks += 1
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.left.set()
            raise

    async def _socket(self, socket: WebSocket) -> None:
        if "refuse" in socket.query_params:
            await socket.send_denial_response(JSONResponse({"no": True}, 418))
            return
        offered = socket.scope["subprotocols"]
        await socket.accept(offered[-1] if offered else None)
        await socket.send_json({"headers": dict(socket.headers), "path": socket.url.path})
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                self.requests.append({"closed": message.get("code")})
                return
            if message.get("text", "") == "bye":
                await socket.close(4321, "as asked")
                return
            if message.get("text") is not None:
                await socket.send_text(message["text"].upper())
            else:
                await socket.send_bytes(message["bytes"][::-1])


@contextlib.asynccontextmanager
async def serving(app: Any, port: int, **options: Any) -> AsyncIterator[Any]:
    """An application on a real server."""
    server = http_server(app, **{"lifespan": "off", "ws": "websockets-sansio", **options})
    bound = listening_socket("127.0.0.1", port, "NO_FD")
    task = asyncio.create_task(server.serve(sockets=[bound]))
    server.config.timeout_graceful_shutdown = 1
    while not server.started:  # noqa: ASYNC110  (the server tells nobody when it has)
        await asyncio.sleep(0.005)
    try:
        yield server
    finally:
        server.should_exit = True
        await task
