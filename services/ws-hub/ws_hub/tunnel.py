"""`/tunnel/{id}/{port}`: a WebSocket that is one TCP connection to a port inside the sandbox.

Binary messages are the raw bytes, both ways. An empty message is the end of its direction (what a
half-closed TCP connection says); when the sandbox's side has said it, the socket is closed 1 s
later unless the other side goes on sending.
"""

import asyncio
import contextlib

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request

from kit.caller import ANONYMOUS, HEADER, Caller, CallerTokens
from kit.errors import DeadlineExceeded, ScopeMissing, Unauthenticated
from wire.agent.v1.agent_pb2 import Dial, Open
from ws_hub import metrics
from ws_hub.calls import LOST
from ws_hub.errors import AgentDisconnected, from_end
from ws_hub.sandboxes import require_running
from ws_hub.stream import Stream, StreamLost
from ws_hub.switchboard import Switchboard
from ws_hub.upgrade import Address, Handler

DIAL_SECONDS = 10.0
LINGER_SECONDS = 1.0


def caller_of(request: Request, callers: CallerTokens) -> Caller:
    """The caller that the gateway vouches for, or nobody. Raises Unauthenticated for a forgery."""
    header = request.headers.get(HEADER)
    return callers.verify(header) if header else ANONYMOUS


class TunnelDoor:
    """Serves `/tunnel/{id}/{port}`: 101 only once the port has accepted the connection."""

    def __init__(self, switchboard: Switchboard, callers: CallerTokens) -> None:
        self._board = switchboard
        self._callers = callers

    async def admit(self, address: Address, request: Request) -> Handler:
        """Decides on an upgrade, and dials."""
        await self._authorise(caller_of(request, self._callers), address)
        self._board.activity.note(address.sandbox_id)
        stream = await self._dial(address)

        async def handle(socket: ServerConnection) -> None:
            metrics.TUNNELS.inc()
            try:
                await _pump(socket, stream)
            finally:
                stream.cancel()
                metrics.TUNNELS.dec()

        return handle

    async def _authorise(self, caller: Caller, address: Address) -> None:
        if caller.kind == "anonymous":
            if (caller.sandbox_id, caller.port) != (address.sandbox_id, address.port):
                raise Unauthenticated("not_vouched_for")
            require_running(await self._board.sandboxes.get(address.sandbox_id))
            return
        if caller.port not in (0, address.port):
            raise ScopeMissing("This token opens another port.")
        await self._board.sandboxes.usable(caller, address.sandbox_id)

    async def _dial(self, address: Address) -> Stream:
        request = Open(dial=Dial(port=address.port))
        stream = await self._board.calls.open(address.sandbox_id, request)
        try:
            async with asyncio.timeout(DIAL_SECONDS):
                frame = await stream.peek()
            if frame.HasField("end"):
                raise from_end(frame.end)
        except StreamLost as lost:
            raise AgentDisconnected(LOST) from lost
        except TimeoutError:
            stream.cancel()
            raise DeadlineExceeded("The port does not accept the connection.") from None
        except BaseException:
            stream.cancel()
            raise
        stream.widen()
        return stream


async def _pump(socket: ServerConnection, stream: Stream) -> None:
    """Both directions, until either side is done."""
    down = asyncio.create_task(_down(socket, stream))
    up = asyncio.create_task(_up(socket, stream))
    done, _ = await asyncio.wait({down, up}, return_when=asyncio.FIRST_COMPLETED)
    if up not in done:
        await asyncio.wait({up}, timeout=LINGER_SECONDS)
    for task in (down, up):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, ConnectionClosed, StreamLost):
            await task
    ended = stream.ended if down.cancelled() or down.exception() else down.result()
    await socket.close(1000 if ended else 1011)


async def _down(socket: ServerConnection, stream: Stream) -> bool:
    """Whether the app's side came to its end, rather than breaking off."""
    while True:
        frame = await stream.recv()
        if frame.HasField("end"):
            return not frame.end.code
        if frame.HasField("data"):
            if frame.data.bytes:
                await socket.send(frame.data.bytes)
            if frame.data.fin:
                await socket.send(b"")
                return True


async def _up(socket: ServerConnection, stream: Stream) -> None:
    async for message in socket:
        if isinstance(message, str):
            return
        if not await stream.send(message, fin=not message):
            return
    stream.cancel()
