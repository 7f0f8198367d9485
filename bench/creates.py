"""Create → ready, cold and warm, against Docker's own create + start."""

import asyncio
import time

import aiodocker

from bench import docker_alone
from bench.row import Row, p50
from insien import AsyncClient

TIMES = 10


async def _creates(client: AsyncClient, pause: float) -> list[float]:
    samples = []
    for _ in range(TIMES):
        began = time.perf_counter()
        sandbox = await client.create()
        samples.append(time.perf_counter() - began)
        await sandbox.destroy()
        await asyncio.sleep(pause)
    return samples


async def cold(client: AsyncClient) -> Row:
    """No warm pool: the stack was brought up with WARM_POOL_SIZE=0."""
    async with aiodocker.Docker() as docker:
        bare = p50(await docker_alone.create_and_start(docker, TIMES))
    ours = p50(await _creates(client, 0.1))
    return Row("create → ready, cold, p50", "ms", bare * 1e3, ours * 1e3, "<=", 1.6)


async def warm(client: AsyncClient) -> Row:
    """With a warm pool; the pause lets it refill, as it would between two callers."""
    async with aiodocker.Docker() as docker:
        bare = p50(await docker_alone.create_and_start(docker, TIMES))
    ours = p50(await _creates(client, 2.0))
    return Row("create → ready, warm, p50", "ms", bare * 1e3, ours * 1e3, "<=", 0.10)
