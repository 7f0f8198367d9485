"""Dialing through a real agent."""

import asyncio
import socket

from tests.agent.hub import Link, output
from wire.agent.v1.agent_pb2 import Cancel, Dial


def listener(family: int, address: str) -> socket.socket:
    sock = socket.socket(family)
    sock.bind((address, 0))
    sock.listen()
    sock.setblocking(False)
    return sock


async def test_bytes_flow_both_ways_with_half_close(link: Link) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write(b"the end")
        writer.close()

    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        server = await asyncio.start_server(echo, sock=listener(family, address))
        stream = await link.open(dial=Dial(port=server.sockets[0].getsockname()[1]))
        first = await stream.next()
        assert first.credit.bytes > 0
        stream.allowance += first.credit.bytes
        data = bytes(range(256)) * 12_000

        async def send() -> None:
            at = 0
            while at < len(data):
                piece = data[at : at + min(stream.allowance, 65536)]
                if not piece:
                    await asyncio.sleep(0.005)
                    continue
                stream.allowance -= len(piece)
                at += len(piece)
                await stream.data(piece)
            await stream.data(fin=True)

        async def receive() -> bytes:
            got = b""
            while True:
                frame = await stream.next()
                got += frame.data.bytes
                stream.allowance += frame.credit.bytes
                if frame.HasField("end"):
                    assert not frame.end.code
                    return got

        _, got = await asyncio.gather(send(), receive())
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
        writer.write(b"x")
        await reader.read(1)
        writer.transport.abort()

    server = await asyncio.start_server(reset, sock=listener(socket.AF_INET, "127.0.0.1"))
    stream = await link.open(dial=Dial(port=server.sockets[0].getsockname()[1]))
    await stream.next()
    await stream.data(b"xyz")
    frames = await stream.rest()
    assert output(frames) == b"x"
    assert frames[-1].end.code in ("", "internal")
    server.close()
