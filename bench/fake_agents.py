"""Agents without a sandbox: they say hello and answer pings; one of them echoes what it is dialled.

Run as a process of its own (`python -m bench.fake_agents URL JWT_SECRET COUNT|ID`): prints the ids,
one a line, then `ready`, and stays until its standard input ends. With an id it replaces the agent
of that sandbox.
"""

import asyncio
import contextlib
import secrets
import sys
import time
import uuid

import jwt
import uvloop
from websockets.asyncio.client import ClientConnection, connect

from wire.agent.v1.agent_pb2 import Data, End, FromAgent, Hello, Pong, ToAgent

GRANT = 1 << 20


def token(secret: str, sandbox_id: str) -> str:
    """What opens the agent socket of that sandbox."""
    claims = {"aud": "ws-hub", "sub": sandbox_id, "iat": int(time.time())}
    return jwt.encode(claims, secret, algorithm="HS256")


async def dial(url: str, secret: str, sandbox_id: str) -> ClientConnection:
    """A connected and welcomed agent."""
    socket = await connect(
        f"{url}/agent/{sandbox_id}",
        additional_headers={"Authorization": f"Bearer {token(secret, sandbox_id)}"},
        subprotocols=["insien.agent.v1"],  # type: ignore[list-item]  # a NewType of str
        compression=None,
        ping_interval=None,
        max_queue=None,
        open_timeout=60,
    )
    hello = Hello(version="bench", boot_id=secrets.token_bytes(16))
    await socket.send(FromAgent(hello=hello).SerializeToString())
    return socket


async def serve(socket: ClientConnection) -> None:
    """Answers pings; takes every dial and echoes its bytes."""
    generation, frame = 0, ToAgent()
    async for message in socket:
        assert isinstance(message, bytes)
        frame.ParseFromString(message)
        kind = frame.WhichOneof("kind")
        answer = FromAgent(generation=generation, stream=frame.stream)
        if kind == "welcome":
            generation = frame.welcome.generation
            continue
        if kind == "ping":
            answer.pong.CopyFrom(Pong(number=frame.ping.number))
        elif kind == "open":
            answer.credit.bytes = GRANT
        elif kind == "data" and frame.data.bytes:
            answer.data.CopyFrom(Data(bytes=frame.data.bytes))
            grant = FromAgent(generation=generation, stream=frame.stream)
            grant.credit.bytes = len(frame.data.bytes)
            await socket.send(grant.SerializeToString())
        elif kind in ("cancel", "data"):
            answer.end.CopyFrom(End())
        else:
            continue
        await socket.send(answer.SerializeToString())


async def main(url: str, secret: str, ids: list[str]) -> None:
    """Dials the agents, fifty at a time, and serves them."""
    gate = asyncio.Semaphore(50)

    async def one(sandbox_id: str) -> ClientConnection:
        async with gate:
            return await dial(url, secret, sandbox_id)

    sockets = await asyncio.gather(*(one(sandbox_id) for sandbox_id in ids))
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(serve(socket)) for socket in sockets]
        print("\n".join([*ids, "ready"]), flush=True)
        await asyncio.to_thread(sys.stdin.read)
        for task in running:
            task.cancel()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asked = sys.argv[3]
        made = [str(uuid.uuid4()) for _ in range(int(asked))] if asked.isdigit() else [asked]
        uvloop.run(main(sys.argv[1], sys.argv[2], made))
