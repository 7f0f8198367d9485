"""Redis away, emptied or restarted; replicas that end."""

import asyncio
import json
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from kit import bus
from tests.support import redis
from tests.support.servers import free_port, running
from tests.ws_hub import replica as replicas
from tests.ws_hub.conftest import USER
from tests.ws_hub.replica import INTERNAL_SECRET, JWT_SECRET, Replica, owner
from tests.ws_hub.sandbox_fake import SandboxFake
from tests.ws_hub.scripted_agent import ScriptedAgent
from tests.ws_hub.waiting import eventually

ME = owner(USER)


class Outage:
    """Two replicas on a Redis of their own that can be stopped and started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.stack = ExitStack()

    def start(self) -> None:
        self.stack.enter_context(redis.server(self.folder, self.port))

    def stop(self) -> None:
        self.stack.close()


@pytest_asyncio.fixture
async def outage(tmp_path: Path) -> AsyncIterator[Outage]:
    found = Outage(tmp_path)
    yield found
    found.stop()


async def run(hub: Replica, sandbox_id: str) -> httpx.Response:
    body = {"command": "echo hi"}
    return await hub.request("POST", f"/sandbox/{sandbox_id}/exec", ME, json=body)


async def works(hub: Replica, sandbox_id: str) -> bool:
    return (await run(hub, sandbox_id)).status_code == 200


async def test_redis_that_is_away_is_lived_through(
    outage: Outage, sandboxes: SandboxFake, sandbox_id: str
) -> None:
    other_id = str(uuid.uuid4())
    sandboxes.add(other_id, USER)
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(replicas.running(outage.url, sandboxes.address))
        second = await stack.enter_async_context(replicas.running(outage.url, sandboxes.address))
        ready = await hub.client.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (503, "degraded")
        early = ScriptedAgent(hub.ws_url, sandbox_id, JWT_SECRET)
        early.last_generation = 5
        await early.connect()
        assert early.last_generation == 6
        assert await works(hub, sandbox_id)

        await asyncio.to_thread(outage.start)
        await eventually(lambda: works(second, sandbox_id))
        assert (await hub.client.get("/readyz")).status_code == 200

        client = bus.connect(outage.url)
        await client.flushall()
        await client.aclose()
        late = await ScriptedAgent(second.ws_url, other_id, JWT_SECRET).connect()
        assert await works(hub, other_id)

        await asyncio.to_thread(outage.stop)
        assert await works(hub, sandbox_id)
        assert await works(second, other_id)
        await early.drop()
        await early.connect()
        assert early.last_generation == 7
        assert await works(hub, sandbox_id)
        await early.close()
        await late.close()


async def test_draining_replica_sends_everyone_away(
    redis_server: str, sandboxes: SandboxFake, sandbox_id: str, second_hub: Replica
) -> None:
    async with replicas.running(redis_server, sandboxes.address) as ending:
        agent = await ScriptedAgent(ending.ws_url, sandbox_id, JWT_SECRET).connect()
        client = await ending.socket(f"/client/{sandbox_id}", ME)
        frame = {"id": "1", "type": "exec", "command": "sleep", "stream": True}
        await client.send(json.dumps(frame))
        await client.recv()
        asking = asyncio.create_task(
            second_hub.request("POST", f"/sandbox/{sandbox_id}/exec", ME, json={"command": "cat x"})
        )
        await eventually(lambda: len(agent.processes) == 2)
        ending.ending.append(True)
        await asyncio.wait_for(client.wait_closed(), 10)
        assert client.close_code == 1012
        await eventually(lambda: agent.goodbye)
        assert agent.goodbye is not None
        assert agent.goodbye.reason == "draining"
        agent.url = second_hub.ws_url
        await agent.connect()
        assert (await asking).status_code == 200
        with pytest.raises(OSError, match="onnect"):
            await connect(f"{ending.ws_url}/agent/{sandbox_id}", open_timeout=2)
    await agent.close()


async def test_process_starts_serves_and_ends_on_sigterm(
    redis_server: str, sandboxes: SandboxFake, sandbox_id: str, tmp_path: Path
) -> None:
    ports = {name: free_port() for name in ("PORT", "HTTP_PORT", "GRPC_PORT")}
    env = {name: str(port) for name, port in ports.items()}
    env |= {
        "INTERNAL_SECRET": INTERNAL_SECRET,
        "JWT_SECRET": JWT_SECRET,
        "REDIS_URL": redis_server,
        "SANDBOX_GRPC": sandboxes.address,
        "DRAIN_SECONDS": "5",
    }
    argv = [sys.executable, "-m", "ws_hub"]
    log = tmp_path / "ws-hub.log"
    with ExitStack() as stack:
        process = await asyncio.to_thread(
            stack.enter_context, running(argv, log, port=ports["HTTP_PORT"], env=env)
        )
        agent = ScriptedAgent(f"ws://127.0.0.1:{ports['PORT']}", sandbox_id, JWT_SECRET)
        await agent.connect()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{ports['HTTP_PORT']}") as http:
            answer = await http.get("/readyz")
            assert answer.status_code == 200
        os.kill(process.pid, signal.SIGTERM)
        await eventually(lambda: agent.goodbye)
        code = await asyncio.to_thread(process.wait, 25)
        assert code in (0, -signal.SIGTERM), log.read_text()
        await agent.close()


def test_process_without_a_secret_says_which(tmp_path: Path) -> None:
    import subprocess

    found = subprocess.run(
        [sys.executable, "-m", "ws_hub"],
        env={"PATH": os.environ["PATH"], "REDIS_URL": "redis://x", "SANDBOX_GRPC": "x"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 2
    assert "JWT_SECRET is not set" in found.stderr
    assert "INTERNAL_SECRET is not set" in found.stderr
