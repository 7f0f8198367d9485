"""A small HTTP load client: n connections, the same request again and again, one process.

It does little per answer (finds its end by Content-Length), so that the server is what is measured.
"""

import asyncio
import re
import time
from dataclasses import dataclass, field

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass
class _Tally:
    answers: int = 0
    failures: int = 0
    latencies: list[float] = field(default_factory=list)


class _Connection(asyncio.Protocol):
    """Sends, waits for the whole answer, sends again, until told to stop."""

    def __init__(self, request: bytes, tally: _Tally) -> None:
        self._request = request
        self._tally = tally
        self._buffer = bytearray()
        self._began = 0.0
        self.is_stopped = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._began = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        match = _LENGTH.search(self._buffer, 0, end + 2)
        if len(self._buffer) < end + 4 + (int(match[1]) if match else 0):
            return
        self._tally.answers += 1
        self._tally.failures += self._buffer[9:12] != b"200"
        self._tally.latencies.append(time.perf_counter() - self._began)
        self._buffer.clear()
        if self.is_stopped:
            self._transport.close()
        else:
            self._send()


async def requests_per_second(
    host: str, port: int, request: bytes, *, connections: int = 32, seconds: float = 5.0
) -> float:
    """Answers a second over so many connections; RuntimeError when one was not a 200."""
    loop = asyncio.get_running_loop()
    tally = _Tally()
    made = [
        (await loop.create_connection(lambda: _Connection(request, tally), host, port))[1]
        for _ in range(connections)
    ]
    await asyncio.sleep(1.0)
    before, began = tally.answers, time.perf_counter()
    await asyncio.sleep(seconds)
    rate = (tally.answers - before) / (time.perf_counter() - began)
    for connection in made:
        connection.is_stopped = True
    await asyncio.sleep(0.2)
    if tally.failures:
        raise RuntimeError(f"{tally.failures} of {tally.answers} answers were not 200")
    return rate
