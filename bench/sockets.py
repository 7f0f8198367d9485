"""The hub's sockets: memory of idle agents, small messages relayed against a bare echo server."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from websockets.asyncio.client import connect

from bench import stack
from bench.row import Row
from kit.caller import HEADER, Caller, CallerTokens
from tests.support.servers import free_port

AGENTS = 4000
CONNECTIONS = 32
MESSAGE = b"x" * 64
ECHO = (
    "import asyncio, sys, uvloop\n"
    "from websockets.asyncio.server import serve\n"
    "async def echo(ws):\n"
    "    async for message in ws: await ws.send(message)\n"
    "async def main():\n"
    "    async with serve(echo, '127.0.0.1', int(sys.argv[1]), compression=None) as server:\n"
    "        print('ready', flush=True)\n"
    "        await server.serve_forever()\n"
    "uvloop.run(main())\n"
)


@contextmanager
def _process(argv: list[str]) -> Iterator[list[str]]:
    """A helper process; yields the lines that it printed before `ready`."""
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        lines: list[str] = []
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == "ready":
                break
            lines.append(line.strip())
        yield lines
    finally:
        process.terminate()
        process.wait()


def _agents(environment: Mapping[str, str], which: int | str) -> list[str]:
    url, secret = environment["INSIEN_AGENT_URL"], environment["JWT_SECRET"]
    return [sys.executable, "-m", "bench.fake_agents", url, secret, str(which)]


async def idle(environment: Mapping[str, str]) -> Row:
    """Resident memory that the hub takes for each of 4,000 idle agents."""
    hub = stack.pid("ws-hub")
    before = stack.rss_bytes(hub)
    with _process(_agents(environment, AGENTS)):
        await asyncio.sleep(3)
        each = (stack.rss_bytes(hub) - before) / AGENTS
    return Row(f"idle agent in the hub, at {AGENTS}", "KiB", None, each / 1024, "<=", 20)


async def _round_trips(url: str, headers: Mapping[str, str], seconds: float = 4.0) -> float:
    """Round trips a second over 32 connections."""
    count, until = 0, time.perf_counter() + seconds

    async def one() -> None:
        nonlocal count
        async with connect(url, additional_headers=headers, compression=None, proxy=None) as socket:
            while time.perf_counter() < until:
                await socket.send(MESSAGE)
                received = 0
                while received < len(MESSAGE):
                    received += len(await socket.recv())
                count += 1

    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    return count / seconds


async def relay(environment: Mapping[str, str], sandbox_id: str) -> Row:
    """Client → hub → agent and back, against client → echo server and back.

    The sandbox's own agent is replaced by one that echoes and does nothing else.
    """
    port = free_port()
    with _process([sys.executable, "-c", ECHO, str(port)]):
        bare = await _round_trips(f"ws://127.0.0.1:{port}", {})
    with _process(_agents(environment, sandbox_id)):
        caller = Caller("anonymous", sandbox_id=sandbox_id, port=7)
        header = CallerTokens(environment["INTERNAL_SECRET"]).mint(caller)
        url = f"{environment['INSIEN_AGENT_URL']}/tunnel/{sandbox_id}/7"
        ours = await _round_trips(url, {HEADER: header})
    return Row("small messages relayed by the hub", "/s", bare, ours, ">=", 0.35)
