"""Dialing through a real agent."""

import asyncio
import socket
import struct

import pytest

from tests.agent.hub import Link, Stream, eventually
from wire.agent.v1.agent_pb2 import Cancel, Dial


def listener(family: int, address: str) -> socket.socket:
    sock = socket.socket(family)
    sock.bind((address, 0))
    sock.listen()
    sock.setblocking(False)
    return sock


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.write(b"the end")
    writer.close()


async def receive(stream: Stream) -> bytes:
    """What the program sends; credit that comes in between is added to the allowance."""
    got = b""
    while True:
        frame = await stream.next()
        got += frame.data.bytes
        stream.allowance += frame.credit.bytes
        if frame.HasField("end"):
            assert not frame.end.code
            return got


async def send(stream: Stream, data: bytes) -> None:
    at = 0
    while at < len(data):
        await eventually(lambda: stream.allowance > 0)
        piece = data[at : at + min(stream.allowance, 65536)]
        stream.allowance -= len(piece)
        at += len(piece)
        await stream.data(piece)
    await stream.data(fin=True)


@pytest.mark.parametrize(
    ("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
async def test_bytes_flow_both_ways_with_half_close(link: Link, family: int, address: str) -> None:
    server = await asyncio.start_server(echo, sock=listener(family, address))
    stream = await link.open(dial=Dial(port=server.sockets[0].getsockname()[1]))
    first = await stream.next()
    assert first.credit.bytes > 0
    stream.allowance += first.credit.bytes
    data = bytes(range(256)) * 12_000
    _, got = await asyncio.gather(send(stream, data), receive(stream))
    assert got == data + b"the end"
    server.close()


async def test_nobody_listens(link: Link) -> None:
    with listener(socket.AF_INET, "127.0.0.1") as sock:
        port = sock.getsockname()[1]
    frames, end = await link.answer(dial=Dial(port=port))
    assert (frames, end.code) == ([], "port_not_listening")
    _, end = await link.answer(dial=Dial(port=0))
    assert end.code == "invalid_argument"


async def test_cancel_closes_the_connection(link: Link) -> None:
    closed = asyncio.Event()

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        closed.set()
        writer.close()

    server = await asyncio.start_server(wait, sock=listener(socket.AF_INET, "127.0.0.1"))
    stream = await link.open(dial=Dial(port=server.sockets[0].getsockname()[1]))
    assert (await stream.next()).HasField("credit")
    await stream.send(cancel=Cancel())
    assert (await stream.end()).code == "cancelled"
    await asyncio.wait_for(closed.wait(), 10)
    server.close()


async def test_reset_ends_the_stream(link: Link) -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    server = await asyncio.start_server(reset, sock=listener(socket.AF_INET, "127.0.0.1"))
    stream = await link.open(dial=Dial(port=server.sockets[0].getsockname()[1]))
    await stream.next()
    await stream.data(b"xyz")
    frames = await stream.rest()
    assert frames[-1].end.code == "internal"
    server.close()
