"""A TCP relay that loses connections when told to."""

import asyncio
import contextlib
from collections import deque


class Relay:
    """Stands before a server; each connection takes the next of `cuts`.

    A cut of n lets n bytes of the answer through and then breaks the connection; without any
    cut left all passes.
    """

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self.cuts: deque[int] = deque()
        self._break_answer = False
        self.port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def break_next_answer(self) -> None:
        """The next bytes of an answer, on any connection, are lost with their connection."""
        self._break_answer = True

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        limit = self.cuts.popleft() if self.cuts else None
        back_reader, back_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        forward = asyncio.create_task(_pump(reader, back_writer))
        try:
            await self._answer(back_reader, writer, limit)
        finally:
            forward.cancel()
            for side in (writer, back_writer):
                side.close()
            with contextlib.suppress(ConnectionError):
                await asyncio.gather(writer.wait_closed(), back_writer.wait_closed())
            await asyncio.gather(forward, return_exceptions=True)

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limit: int | None
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                if self._break_answer:
                    self._break_answer = False
                    return
                piece = data if limit is None else data[:limit]
                writer.write(piece)
                await writer.drain()
                if limit is not None and (limit := limit - len(piece)) <= 0:
                    return


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
