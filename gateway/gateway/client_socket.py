"""`/client/{id}`: a caller's WebSocket, piped to the hub frame by frame."""

from dataclasses import replace

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from gateway import metrics
from gateway.admission import Admission
from gateway.close_codes import sendable
from gateway.errors import AmbiguousCredentials, SandboxNotFound
from gateway.exchange import Exchange
from gateway.hub_socket import HubSockets
from gateway.piping import both_ways
from gateway.routes import Route
from kit.caller import Caller, SandboxTokens
from kit.errors import ScopeMissing, Unauthenticated

SUBPROTOCOL = "insien.v1"
TOKEN_PREFIX = "insien.token."
FRAME_BYTES = 1024 * 1024
TOO_LARGE = 1009
RESTARTING = 1012


class ClientSockets:
    """Admits upgrades and pipes. Neither side is read while the other is slow."""

    def __init__(self, admission: Admission, hub: HubSockets, tokens: SandboxTokens) -> None:
        self._admission = admission
        self._hub = hub
        self._tokens = tokens

    async def serve(self, exchange: Exchange, route: Route, sandbox_id: str) -> None:
        """Serves one upgrade, and the socket until one side closes.

        Raises what the caller, or the hub before the upgrade, is refused with.
        """
        caller = await self._caller(exchange, route, sandbox_id)
        offered = SUBPROTOCOL if SUBPROTOCOL in exchange.scope["subprotocols"] else ""
        exchange.upstream = "hub"
        hub = await self._hub.open(
            f"/client/{sandbox_id}", caller, exchange.origin.address, offered
        )
        try:
            await exchange.accept(offered or None, [])
            with metrics.SOCKETS.labels("client").track_inprogress():
                await both_ways(_up(exchange, hub), _down(exchange, hub))
        finally:
            await hub.close()

    async def _caller(self, exchange: Exchange, route: Route, sandbox_id: str) -> Caller:
        read = exchange.inbound.read
        shown = [
            name[len(TOKEN_PREFIX) :]
            for name in exchange.scope["subprotocols"]
            if name.startswith(TOKEN_PREFIX)
        ]
        if not shown:
            return (await self._admission.admit(exchange, route)).caller
        if len(shown) > 1 or b"x-api-key" in read or b"authorization" in read:
            raise AmbiguousCredentials("Send one credential: a header or one token subprotocol.")
        try:
            return self._of_token(shown[0], sandbox_id, exchange.origin.address)
        except (Unauthenticated, SandboxNotFound):
            await self._admission.stranger(exchange)
            raise

    def _of_token(self, text: str, sandbox_id: str, address: str) -> Caller:
        caller, entry_id = self._tokens.verify(text)
        if entry_id or not self._admission.identities.stands(caller):
            raise Unauthenticated("entry_code_or_revoked")
        if caller.sandbox_id != sandbox_id:
            raise SandboxNotFound("There is no such sandbox.")
        if caller.port:
            raise ScopeMissing("This token opens a port only.")
        return replace(caller, address=address)


async def _up(exchange: Exchange, hub: ClientConnection) -> None:
    try:
        while True:
            message = await exchange.receive()
            if message["type"] == "websocket.disconnect":
                code = message.get("code") or 1005
                await hub.close(sendable(code), (message.get("reason") or "")[:100])
                return
            data = message.get("text")
            if data is None:
                data = message["bytes"]
            if len(data) > FRAME_BYTES or _bytes(data) > FRAME_BYTES:
                await hub.close(TOO_LARGE)
                await exchange.close(TOO_LARGE, "a frame may have at most 1 MiB")
                return
            await hub.send(data)
    except ConnectionClosed as closed:
        await _closed(exchange, closed)


def _bytes(data: str | bytes) -> int:
    if isinstance(data, bytes) or data.isascii():
        return len(data)
    return len(data.encode())


async def _down(exchange: Exchange, hub: ClientConnection) -> None:
    try:
        while True:
            await exchange.send_message(await hub.recv())
    except ConnectionClosed as closed:
        await _closed(exchange, closed)


async def _closed(exchange: Exchange, closed: ConnectionClosed) -> None:
    received = closed.rcvd
    if received is None:
        await exchange.close(RESTARTING, "the connection to the hub was lost")
    else:
        await exchange.close(sendable(received.code, lost=RESTARTING), received.reason)
