"""WebSockets of previews: the caller's side is the server's, the app's goes over a tunnel."""

import asyncio
from collections import deque
from typing import cast

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidState, ProtocolError
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI

from gateway import cookies, metrics
from gateway.close_codes import LOST, sendable
from gateway.errors import PortNotListening
from gateway.exchange import Exchange, Message
from gateway.headers import Fields, of_answer
from gateway.piping import both_ways
from gateway.preview_access import Target
from gateway.tunnels import Tunnels

MESSAGE_BYTES = 16 * 1024 * 1024
HANDSHAKE_SECONDS = 30.0
_OF_THE_HANDSHAKE = frozenset(
    {
        b"host",
        b"sec-websocket-key",
        b"sec-websocket-version",
        b"sec-websocket-extensions",
        b"sec-websocket-protocol",
    }
)


class AppSocket(asyncio.Protocol):
    """The app's side: the library's protocol without I/O, fed by a tunnel."""

    def __init__(self, target: Target, subprotocols: list[str]) -> None:
        uri = WebSocketURI(False, "app", target.port, "/", "", None, None)
        offered = [Subprotocol(name) for name in subprotocols] or None
        self._protocol = ClientProtocol(uri, subprotocols=offered, max_size=MESSAGE_BYTES)
        self._transport: asyncio.Transport
        self._events: deque[Response | Frame] = deque()
        self._arrived = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._paused = False
        self.lost = False

    async def shake_hands(self, path: bytes, host: bytes, fields: Fields) -> Response:
        """Asks for the upgrade; the app's answer, 101 when it agreed."""
        request = self._protocol.connect()
        request.path = path.decode("latin-1")
        del request.headers["Host"]
        request.headers["Host"] = host.decode("latin-1")
        for name, value in fields:
            if name not in _OF_THE_HANDSHAKE:
                request.headers[name.decode("latin-1")] = value.decode("latin-1")
        self._protocol.send_request(request)
        self._flush()
        event = await self._next()
        if not isinstance(event, Response):
            raise PortNotListening("The program on this port does not speak WebSocket.")
        if event.status_code == 101 and self._protocol.state is not State.OPEN:
            raise PortNotListening("The program on this port does not speak WebSocket.")
        return event

    @property
    def subprotocol(self) -> str | None:
        """What the app selected."""
        return self._protocol.subprotocol

    async def receive(self) -> str | bytes | None:
        """The next whole message, None when the app has closed."""
        parts: list[bytes] = []
        kind = Opcode.BINARY
        while True:
            frame = await self._next()
            if not isinstance(frame, Frame) or frame.opcode is Opcode.CLOSE:
                return None
            if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                continue
            if frame.opcode is not Opcode.CONT:
                kind = frame.opcode
            parts.append(bytes(frame.data))
            if frame.fin:
                data = b"".join(parts)
                return data.decode("utf-8", "replace") if kind is Opcode.TEXT else data

    async def send(self, data: str | bytes) -> None:
        """Sends a message; waits while the app is slow."""
        try:
            if isinstance(data, str):
                self._protocol.send_text(data.encode())
            else:
                self._protocol.send_binary(data)
        except InvalidState:
            return
        self._flush()
        await self._writable.wait()

    def close(self, code: int, reason: str = "") -> None:
        """Says goodbye to the app; the tunnel ends soon after."""
        if self._protocol.state is State.OPEN and not self.lost:
            try:
                self._protocol.send_close(code, reason)
            except ProtocolError:
                self._protocol.send_close(1000)
            self._flush()
        if not self.lost:
            asyncio.get_running_loop().call_later(1.0, self._transport.abort)

    @property
    def closed_with(self) -> tuple[int, str]:
        """The app's close code and reason."""
        received = self._protocol.close_rcvd
        return (received.code, received.reason) if received else (LOST, "")

    async def _next(self) -> Response | Frame | None:
        while not self._events:
            if self.lost:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        event = self._events.popleft()
        if self._paused and not self._events:
            self._paused = False
            self._transport.resume_reading()
        return event

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data and not self.lost:
                self._transport.write(data)

    # What the tunnel tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        self._events.extend(cast(list[Response | Frame], self._protocol.events_received()))
        self._flush()
        if self._events:
            if not self._paused:
                self._paused = True
                self._transport.pause_reading()
            self._arrived.set()

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        self._protocol.receive_eof()
        self._events.extend(cast(list[Response | Frame], self._protocol.events_received()))
        self._arrived.set()
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()


class PreviewSockets:
    """Upgrades, passed on to the app before the caller gets an answer."""

    def __init__(self, tunnels: Tunnels) -> None:
        self._tunnels = tunnels

    async def serve(self, exchange: Exchange, target: Target, path: bytes, fields: Fields) -> None:
        """Serves one upgrade, and the socket until one side closes."""
        app = AppSocket(target, exchange.scope["subprotocols"])
        await self._tunnels.open(target.sandbox_id, target.port, app)
        try:
            host = exchange.inbound.read.get(b"host", b"")
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                response = await app.shake_hands(path, host, fields)
            if response.status_code != 101:
                await _refuse(exchange, response, target)
                return
            await exchange.accept(app.subprotocol, _answered(response, target))
            with metrics.SOCKETS.labels("preview").track_inprogress():
                await both_ways(_up(exchange, app), _down(exchange, app))
        except TimeoutError:
            raise PortNotListening("The program on this port does not answer.") from None
        finally:
            app.close(1001)


async def _up(exchange: Exchange, app: AppSocket) -> None:
    while True:
        message: Message = await exchange.receive()
        if message["type"] == "websocket.disconnect":
            app.close(sendable(message.get("code") or 1005), message.get("reason") or "")
            return
        text = message.get("text")
        await app.send(text if text is not None else message["bytes"])


async def _down(exchange: Exchange, app: AppSocket) -> None:
    while (data := await app.receive()) is not None:
        await exchange.send_message(data)
    code, reason = app.closed_with
    await exchange.close(sendable(code), reason)


def _fields(response: Response) -> Fields:
    return [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in response.headers.raw_items()
        if not name.lower().startswith("sec-websocket-")
    ]


def _answered(response: Response, target: Target) -> Fields:
    fields = of_answer(_fields(response), response.status_code)
    return cookies.kept_to_app(fields, target.prefix)


async def _refuse(exchange: Exchange, response: Response, target: Target) -> None:
    fields = [item for item in _answered(response, target) if item[0] != b"content-length"]
    await exchange.answer(response.status_code, fields, bytes(response.body or b""))
