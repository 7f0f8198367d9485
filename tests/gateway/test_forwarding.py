"""Servers behind the gateway that misbehave: what the caller gets, and what is tried again."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.gateway.running_gateway import Stack, running
from tests.support.servers import free_port

Script = Callable[[int, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class RawServer:
    """Answers each request, numbered from 1, as its script says."""

    def __init__(self) -> None:
        self.port = free_port()
        self.count = 0
        self.connections = 0
        self.script: Script
        self._writers: list[asyncio.StreamWriter] = []

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while not writer.is_closing():
                await reader.readuntil(b"\r\n\r\n")
                self.count += 1
                await self.script(self.count, reader, writer)
        writer.close()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        try:
            yield
        finally:
            server.close()
            for writer in self._writers:
                writer.close()


@contextlib.asynccontextmanager
async def behind(redis_url: str, script: Script) -> AsyncIterator[tuple[Stack, RawServer]]:
    raw = RawServer()
    raw.script = script
    url = f"http://127.0.0.1:{raw.port}"
    async with raw.serving(), running(redis_url, sandbox_http_url=url, ws_hub_http_url=url) as one:
        yield one, raw


def says(answer: bytes, *, close: bool = False) -> Script:
    async def script(_: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        if close:
            writer.close()

    return script


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def test_interim_answers_and_trailers_are_dropped(redis_server: str) -> None:
    answer = (
        b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: X-Hop\r\nX-Hop: 1\r\n"
        b"Trailer: X-T\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\n\r\n"
    )
    async with behind(redis_server, says(answer)) as (stack, raw):
        for _ in range(3):
            got = await stack.http.get("/sandbox", headers=stack.rpc.person().headers)
            assert (got.status_code, got.content) == (200, b"ok")
            assert not {"link", "x-hop", "trailer", "x-t"} & set(got.headers)
        assert raw.connections == 1


async def test_an_answer_without_length_ends_with_the_connection(redis_server: str) -> None:
    async with behind(redis_server, says(b"HTTP/1.1 200 OK\r\n\r\nabc", close=True)) as (stack, _):
        got = await stack.http.get("/sandbox", headers=stack.rpc.person().headers)
        assert got.content == b"abc"


async def test_an_answer_that_breaks_off_is_cut_for_the_caller_too(redis_server: str) -> None:
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"
    async with behind(redis_server, says(cut, close=True)) as (stack, _):
        with pytest.raises(Exception, match="peer closed connection"):
            await stack.http.get("/sandbox", headers=stack.rpc.person().headers)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-A: a\r\n" * 300 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    ],
)
async def test_no_answer_to_a_read_is_unavailable(redis_server: str, answer: bytes) -> None:
    async with behind(redis_server, says(answer, close=True)) as (stack, _):
        headers = stack.rpc.person().headers
        got = await stack.http.get("/sandbox", headers=headers)
        assert (got.status_code, got.json()["code"]) == (503, "unavailable")
        wrote = await stack.http.post("/sandbox/a/pause", headers=headers)
        assert (wrote.status_code, wrote.json()["code"]) == (504, "timeout")


async def test_only_what_is_safe_is_tried_again(redis_server: str) -> None:
    async def script(n: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if n in (2, 5):
            writer.close()  # as a server does that closes an idle connection
            return
        writer.write(OK)

    async with behind(redis_server, script) as (stack, raw):
        headers = stack.rpc.person().headers
        assert (await stack.http.get("/sandbox", headers=headers)).status_code == 200
        assert (await stack.http.get("/sandbox", headers=headers)).status_code == 200
        assert raw.count == 3
        assert (await stack.http.get("/sandbox", headers=headers)).status_code == 200
        assert (await stack.http.post("/sandbox/a/pause", headers=headers)).status_code == 504
        assert raw.count == 5


async def test_a_deadline_is_a_timeout(redis_server: str) -> None:
    from gateway.forwarding import Request, forward
    from gateway.http1.dialer import Dialer
    from gateway.http1.pool import Pool
    from kit.errors import DeadlineExceeded
    from tests.gateway.exchanges import make_exchange

    raw = RawServer()

    async def never(_: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    raw.script = never
    async with raw.serving():
        pool = Pool("raw", Dialer("raw", f"http://127.0.0.1:{raw.port}").dial)
        with pytest.raises(DeadlineExceeded):
            await forward(make_exchange(), pool, Request(b"/", [], deadline=0.3))
        assert pool.unused


async def test_a_service_that_is_down_is_unavailable(redis_server: str) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    async with running(redis_server, sandbox_http_url=url) as stack:
        got = await stack.http.post("/sandbox/a/pause", headers=stack.rpc.person().headers)
        assert (got.status_code, got.json()["code"]) == (503, "unavailable")
        assert got.headers["retry-after"] == "1"


async def test_an_early_answer_to_an_upload_comes_through(redis_server: str) -> None:
    refusal = b"HTTP/1.1 507 Full\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfull"

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 1000
            await asyncio.sleep(0.01)

    async with behind(redis_server, says(refusal)) as (stack, _):
        got = await stack.http.put(
            "/sandbox/a/files", content=pieces(), headers=stack.rpc.person().headers
        )
        assert (got.status_code, got.content) == (507, b"full")
