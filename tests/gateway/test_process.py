"""`python -m gateway` as a process: starts alone, tells its state, drains on SIGTERM."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx

from tests.gateway.fake_service import FakeService, serving
from tests.gateway.running_gateway import INTERNAL_SECRET, Stack
from tests.gateway.waiting import eventually
from tests.support.servers import free_port, running


def environment(redis_url: str, port: int, probes: int, **more: str) -> dict[str, str]:
    nobody = f"127.0.0.1:{free_port()}"  # not the product's own ports: a stack may run there
    return {
        "AUTH_HTTP_URL": f"http://{nobody}",
        "SANDBOX_HTTP_URL": f"http://{nobody}",
        "WS_HUB_HTTP_URL": f"http://{nobody}",
        "WS_HUB_WS_URL": f"ws://{nobody}",
        "AUTH_GRPC": nobody,
        "SANDBOX_GRPC": nobody,
        "INTERNAL_SECRET": INTERNAL_SECRET,
        "REDIS_URL": redis_url,
        "PORT": str(port),
        "METRICS_PORT": str(probes),
        "PYTHONUNBUFFERED": "1",
        **more,
    }


async def test_it_drains_on_sigterm(redis_server: str, stack: Stack, tmp_path: Path) -> None:
    port, probes = free_port(), free_port()
    slow = FakeService()
    person = stack.rpc.person()
    env = environment(
        redis_server,
        port,
        probes,
        SANDBOX_HTTP_URL=slow.url,
        AUTH_GRPC=f"127.0.0.1:{stack.rpc.port}",
    )
    argv = [sys.executable, "-m", "gateway"]
    starting = running(argv, tmp_path / "log", port=port, env=env)
    async with (
        serving(slow.app(), slow.port),
        httpx.AsyncClient(trust_env=False, timeout=20) as http,
        contextlib.AsyncExitStack() as ends,
    ):
        process = await asyncio.to_thread(starting.__enter__)
        ends.push(starting.__exit__)
        base, internal = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{probes}"
        ready = await http.get(f"{internal}/readyz")
        assert (ready.status_code, ready.json()["checks"]["redis"]) == (200, "ok")
        assert (await http.get(f"{base}/metrics")).status_code == 404
        request = http.get(f"{base}/sandbox?hold=1", headers=person.headers)
        in_flight = asyncio.create_task(request)

        async def arrived() -> bool:
            return bool(slow.requests)

        await eventually(arrived)
        metrics = (await http.get(f"{internal}/metrics")).text
        assert "insien_gateway_requests_total" in metrics
        assert "insien_gateway_identities_total" in metrics
        process.send_signal(signal.SIGTERM)

        async def draining() -> bool:
            return (await http.get(f"{internal}/readyz")).status_code == 503

        await eventually(draining)
        slow.release.set()
        assert (await in_flight).status_code == 200
        await asyncio.to_thread(process.wait, 20)


async def test_it_serves_on_an_inherited_socket(redis_server: str) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen()
        port = bound.getsockname()[1]
        env = os.environ | environment(redis_server, 1, free_port(), LISTEN_FD=str(bound.fileno()))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway", env=env, pass_fds=[bound.fileno()]
        )
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
                answer = await http.get(f"http://127.0.0.1:{port}/health")
                assert answer.status_code == 503
        finally:
            process.terminate()
            await asyncio.wait_for(process.wait(), 20)


def test_a_weak_secret_is_named(redis_server: str) -> None:
    env = os.environ | environment(redis_server, 1, 2, INTERNAL_SECRET="short")
    done = subprocess.run(
        [sys.executable, "-m", "gateway"], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "INTERNAL_SECRET is weak" in done.stderr
