"""The head of a request, byte by byte: smuggling, slowness and size, each by name."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.protocol import PublicProtocol
from tests.gateway.fake_rpc import Person
from tests.gateway.running_gateway import Stack, running


class HastyProtocol(PublicProtocol):
    head_seconds = 0.3


@pytest_asyncio.fixture(scope="module")
async def hasty(redis_server: str) -> AsyncIterator[Stack]:
    async with running(redis_server, protocol=HastyProtocol) as stack:
        yield stack


async def exchange(stack: Stack, *pieces: bytes) -> bytes:
    """What comes back for the pieces, until the gateway closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", stack.port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        async with asyncio.timeout(20):
            return await reader.read()
    finally:
        writer.close()


def problem(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    assert b"x-request-id: " in head
    return int(head.split(b" ")[1]), json.loads(body)["code"]


BAD_FRAMING = {
    "length and chunked": b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "two equal lengths": b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "length list": b"Content-Length: 3, 3\r\n\r\nabc",
    "negative length": b"Content-Length: -3\r\n\r\nabc",
    "length with plus": b"Content-Length: +3\r\n\r\nabc",
    "hex length": b"Content-Length: 0x3\r\n\r\nabc",
    "space before colon": b"Content-Length : 3\r\n\r\nabc",
    "unknown coding": b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "coding twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "obscure coding": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "nul in value": b"X-A: a\x00b\r\n\r\n",
    "bare return in value": b"X-A: a\rb\r\n\r\n",
    "no name": b": a\r\n\r\n",
    "two hosts": b"Host: b\r\n\r\n",
}


@pytest.mark.parametrize("rest", BAD_FRAMING.values(), ids=BAD_FRAMING.keys())
async def test_ambiguous_framing_is_refused(stack: Stack, person: Person, rest: bytes) -> None:
    before = len(stack.service.requests)
    head = f"POST /sandbox/a/pause HTTP/1.1\r\nHost: a\r\nX-API-Key: {person.key}\r\n"
    answer = await exchange(stack, head.encode() + b"Connection: close\r\n" + rest)
    assert problem(answer) == (400, "bad_request")
    assert len(stack.service.requests) == before


BAD_CHUNKS = (b"zz\r\nab\r\n", b"3 \r\nabc\r\n", b"-1\r\na\r\n", b"2\r\nabc\r\n")


@pytest.mark.parametrize("chunk", BAD_CHUNKS)
async def test_a_bad_chunk_ends_the_connection(stack: Stack, person: Person, chunk: bytes) -> None:
    head = f"PUT /sandbox/a/files HTTP/1.1\r\nHost: a\r\nX-API-Key: {person.key}\r\n"
    answer = await exchange(stack, head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + chunk)
    assert answer.startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    "head",
    [
        b"GET /sandbox HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET caf\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /sandbox HTTP/9.9\r\nHost: a\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_refused(stack: Stack, head: bytes) -> None:
    assert problem(await exchange(stack, head)) == (400, "bad_request")


async def test_a_head_that_comes_slowly_times_out(hasty: Stack) -> None:
    answer = await exchange(hasty, b"GET /health HTTP/1.1\r\nHost: a\r\nX-Slow")
    assert problem(answer) == (408, "request_timeout")


async def test_a_second_head_that_comes_slowly_times_out(hasty: Stack) -> None:
    first = b"GET /nope HTTP/1.1\r\nHost: a\r\n\r\n"
    answer = await exchange(hasty, first, b"GET /nope HT")
    assert answer.count(b"HTTP/1.1 404") == 1
    assert answer.count(b"HTTP/1.1 408") == 1


async def test_a_silent_connection_is_closed(hasty: Stack) -> None:
    assert await exchange(hasty) == b""


async def test_too_many_fields_are_refused(stack: Stack) -> None:
    fields = b"".join(b"X-%d: a\r\n" % number for number in range(101))
    answer = await exchange(stack, b"GET /health HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n")
    assert problem(answer) == (431, "headers_too_large")


async def test_a_head_that_never_ends_is_refused(stack: Stack) -> None:
    pieces = [b"X-A: " + b"a" * 8000 + b"\r\n" for _ in range(20)]
    answer = await exchange(stack, b"GET /health HTTP/1.1\r\nHost: a\r\n", *pieces)
    assert problem(answer) == (431, "headers_too_large")


async def test_a_large_head_in_one_piece_is_refused(stack: Stack) -> None:
    fields = b"".join(b"X-%d: %s\r\n" % (number, b"a" * 4000) for number in range(30))
    answer = await exchange(stack, b"GET /health HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n")
    assert problem(answer) == (431, "headers_too_large")


async def test_a_long_path_is_refused(stack: Stack) -> None:
    answer = await exchange(stack, b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % (b"a" * 20_000))
    assert problem(answer) == (431, "headers_too_large")


async def test_trailers_are_no_headers(stack: Stack, person: Person) -> None:
    head = b"POST /sandbox/a/pause HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
    trailer = b"0\r\nX-API-Key: " + person.key.encode() + b"\r\nX-T: 1\r\n\r\n"
    answer = await exchange(stack, head + b"Connection: close\r\n\r\n" + trailer)
    assert answer.startswith(b"HTTP/1.1 401")


async def test_pipelined_requests_are_answered_in_order(stack: Stack, person: Person) -> None:
    one = f"GET /sandbox?n=1 HTTP/1.1\r\nHost: a\r\nX-API-Key: {person.key}\r\n\r\n"
    two = one.replace("n=1", "n=2").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
    answer = await exchange(stack, (one + two).encode())
    assert answer.index(b'"n=1"') < answer.index(b'"n=2"')


async def test_expect_is_answered_only_to_those_who_may(stack: Stack, person: Person) -> None:
    head = b"PUT /sandbox/a/files HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
    head += b"Content-Length: 3\r\nConnection: close\r\n"
    refused = await exchange(stack, head + b"\r\n")
    assert refused.startswith(b"HTTP/1.1 401")
    key = b"X-API-Key: " + person.key.encode() + b"\r\n\r\n"
    taken = await exchange(stack, head + key, b"abc")
    assert taken.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")
