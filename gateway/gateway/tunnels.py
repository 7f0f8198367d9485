"""TCP connections into sandboxes: a WebSocket to the hub whose binary messages are their bytes.

Each looks like a transport of asyncio, so that the same HTTP client speaks over it.
"""

import asyncio

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK

from gateway.http1.connection import Connection
from gateway.http1.pool import Pool
from gateway.hub_socket import HubSockets
from kit.caller import Caller

HIGH_BYTES = 256 * 1024
MESSAGE_BYTES = 64 * 1024
POOL_SIZE = 64
IDLE_SECONDS = 2.0


class TunnelTransport(asyncio.Transport):
    """One tunnel. An empty message, or its closing with code 1000, is the app's end of the stream;
    any other closing is an error."""

    def __init__(self, socket: ClientConnection, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._socket = socket
        self._protocol = protocol
        self._out: list[bytes] = []
        self._out_bytes = 0
        self._paused = False
        self._closing = False
        self._more = asyncio.Event()
        self._may_read = asyncio.Event()
        self._may_read.set()
        protocol.connection_made(self)
        self._task = asyncio.create_task(self._run())

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Queues bytes; the protocol is told to pause above 256 KiB."""
        if self._closing or not data:
            return
        self._out.append(bytes(data))
        self._out_bytes += len(data)
        self._more.set()
        if self._out_bytes > HIGH_BYTES and not self._paused:
            self._paused = True
            self._protocol.pause_writing()

    def pause_reading(self) -> None:
        """Delivers nothing more; the hub is held back once its window is full."""
        self._may_read.clear()

    def resume_reading(self) -> None:
        """Delivers again."""
        self._may_read.set()

    def is_closing(self) -> bool:
        """Whether it is closed, or being closed."""
        return self._closing

    def abort(self) -> None:
        """Closes at once; what is queued is lost."""
        self._closing = True
        self._task.cancel()

    def close(self) -> None:
        """The same as `abort`."""
        self.abort()

    async def _run(self) -> None:
        error: Exception | None = None
        writer = asyncio.create_task(self._write())
        try:
            while data := await self._socket.recv(decode=False):
                await self._may_read.wait()
                self._protocol.data_received(data)
            await self._may_read.wait()
        except ConnectionClosedOK:
            await self._may_read.wait()
        except ConnectionClosed as closed:
            error = ConnectionResetError(str(closed))
        finally:
            self._closing = True
            writer.cancel()
            self._protocol.connection_lost(error)
            # The hub answers the closing handshake, or the library gives up after its timeout.
            _farewell(self._socket)

    async def _write(self) -> None:
        while True:
            await self._more.wait()
            self._more.clear()
            while self._out:
                chunks, self._out = self._out, []
                data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
                for start in range(0, len(data), MESSAGE_BYTES):
                    await self._socket.send(data[start : start + MESSAGE_BYTES])
                self._out_bytes -= len(data)
            if self._paused and self._out_bytes < HIGH_BYTES // 2:
                self._paused = False
                self._protocol.resume_writing()


_closing: set[asyncio.Task[None]] = set()


def _farewell(socket: ClientConnection) -> None:
    task = asyncio.get_running_loop().create_task(socket.close())
    _closing.add(task)
    task.add_done_callback(_closing.discard)


class Tunnels:
    """The pools of tunnels, one for each port of a sandbox that is in use."""

    def __init__(self, hub: HubSockets) -> None:
        self._hub = hub
        self._pools: dict[tuple[str, int], Pool] = {}

    async def open(self, sandbox_id: str, port: int, protocol: asyncio.Protocol) -> None:
        """A tunnel of its own for a protocol. Raises PortNotListening, AgentDisconnected, …"""
        caller = Caller("anonymous", sandbox_id=sandbox_id, port=port)
        socket = await self._hub.open(f"/tunnel/{sandbox_id}/{port}", caller, "")
        TunnelTransport(socket, protocol)

    def pool(self, sandbox_id: str, port: int) -> Pool:
        """The pool of HTTP connections to a port."""
        pool = self._pools.get((sandbox_id, port))
        if pool is None:

            async def dial() -> Connection:
                connection = Connection(asyncio.get_running_loop())
                await self.open(sandbox_id, port, connection)
                return connection

            pool = Pool(f"port {port}", dial, POOL_SIZE, IDLE_SECONDS)
            self._pools[(sandbox_id, port)] = pool
        return pool

    def sweep(self) -> None:
        """Closes idle tunnels and drops unused pools; to be called every second."""
        for key, pool in list(self._pools.items()):
            pool.sweep()
            if pool.unused:
                del self._pools[key]

    def close(self) -> None:
        """Closes the idle tunnels of all."""
        for pool in self._pools.values():
            pool.close()
