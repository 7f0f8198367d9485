"""TCP from one port to another, which a test can cut."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


class _Side(asyncio.Protocol):
    """One end of a connection; what it reads goes to the other."""

    def __init__(self, ends: set[asyncio.Transport]) -> None:
        self.ends = ends
        self.transport: asyncio.Transport | None = None
        self.other: _Side | None = None
        self.waiting = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.ends.add(transport)
        transport.write(self.waiting)

    def data_received(self, data: bytes) -> None:
        assert self.other is not None
        if self.other.transport is None:
            self.other.waiting += data
        else:
            self.other.transport.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        assert self.transport is not None
        self.ends.discard(self.transport)
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


@contextlib.asynccontextmanager
async def forwarding(port: int, target: int) -> AsyncIterator[None]:
    """Forwards for as long as the block runs; then all connections are cut."""
    loop = asyncio.get_running_loop()
    ends: set[asyncio.Transport] = set()
    dials: set[asyncio.Task[object]] = set()

    def accept() -> _Side:
        here, there = _Side(ends), _Side(ends)
        here.other, there.other = there, here
        dial = loop.create_task(_dial(there, target))
        dials.add(dial)
        dial.add_done_callback(dials.discard)
        return here

    server = await loop.create_server(accept, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()
        await asyncio.gather(*dials)
        while ends:
            for end in list(ends):
                end.abort()
            await asyncio.sleep(0)


async def _dial(side: _Side, target: int) -> None:
    await asyncio.get_running_loop().create_connection(lambda: side, "127.0.0.1", target)
