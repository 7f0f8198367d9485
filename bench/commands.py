"""`exec true` through the gateway against `docker exec true` through Docker's API."""

import time

import aiodocker
import httpx

from bench import docker_alone
from bench.row import Row, p50


async def exec_true(api: httpx.AsyncClient, sandbox_id: str) -> Row:
    """One after the other on a kept connection."""
    async with aiodocker.Docker() as docker:
        bare = p50(await docker_alone.exec_true(docker, 30))
    samples = []
    for _ in range(200):
        began = time.perf_counter()
        answer = await api.post(f"/sandbox/{sandbox_id}/exec", json={"command": "true"})
        samples.append(time.perf_counter() - began)
        if answer.json()["exitCode"] != 0:
            raise RuntimeError(answer.text)
    return Row("exec true over HTTP, p50", "ms", bare * 1e3, p50(samples) * 1e3, "<=", 0.20)
