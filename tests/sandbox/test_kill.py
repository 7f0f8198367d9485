"""kill -9 of the real process, at named points: what was accepted is finished or undone."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import httpx
import pytest_asyncio

from sandbox.runtime.container_config import Site
from sandbox.runtime.docker import DockerRuntime
from tests.sandbox.fake_hub import FakeHub
from tests.sandbox.process import api, environment, process
from tests.sandbox.running_service import Around, eventually, write_template


@pytest_asyncio.fixture
async def docker(
    around: Around, docker_engine: Callable[[str], None]
) -> AsyncIterator[DockerRuntime]:
    docker_engine("minimal")
    write_template(around.templates, "default", "insien/minimal:1")
    site = Site(around.settings.deployment, "/tmp", (), "insien-sandboxes", "insien-isolated")
    runtime = DockerRuntime("unix:///var/run/docker.sock", site)
    try:
        yield runtime
    finally:
        for container in await runtime.list_containers():
            await runtime.remove(container.sandbox_id)
        await runtime.close()


async def test_a_create_that_is_killed_is_undone_within_thirty_seconds(
    around: Around, docker: DockerRuntime, hub: FakeHub, tmp_path: Path
) -> None:
    hub.silent = True
    env = environment(around.settings)
    with process(env, tmp_path / "first.log") as (first, port):
        async with api(port) as caller:
            await eventually(lambda: is_up(port), 60)
            creating = asyncio.ensure_future(caller.create("key-1"))

            async def container_runs() -> bool:
                found = await docker.list_containers()
                return [container.status for container in found] == ["running"]

            await eventually(container_runs, 60)
            first.kill()
            first.wait()
            with contextlib.suppress(httpx.TransportError):
                await creating
    hub.silent = False
    with process(env, tmp_path / "second.log") as (_, port):
        async with api(port) as again:
            caller.client = again.client
            await eventually(lambda: is_up(port), 60)

            async def undone() -> bool:
                listed = (await caller("GET", "/sandbox")).json().get("sandboxes", [])
                states = [(one["status"], one["reason"]) for one in listed]
                return states == [("failed", "interrupted")] and not await docker.list_containers()

            await eventually(undone, 30)
            answer = await caller.create("key-1")
            assert answer.status_code == 201, answer.text
            assert len(await docker.list_containers()) == 1


async def test_a_destroy_that_is_killed_is_finished_within_thirty_seconds(
    around: Around, docker: DockerRuntime, tmp_path: Path
) -> None:
    env = environment(around.settings)
    database = await asyncpg.connect(around.settings.database_url.get_secret_value())
    with process(env, tmp_path / "first.log") as (first, port):
        async with api(port) as caller:
            await eventually(lambda: is_up(port), 60)
            sandbox_id = await caller.created()
            destroying = asyncio.ensure_future(caller("DELETE", f"/sandbox/{sandbox_id}"))

            async def marked() -> bool:
                found = await database.fetchval("SELECT state FROM sandbox.sandboxes")
                return bool(found in ("destroying", "destroyed"))

            await eventually(marked, 60)
            first.kill()
            first.wait()
            with contextlib.suppress(httpx.TransportError):
                await destroying
    with process(env, tmp_path / "second.log") as (_, port):
        async with api(port) as again:
            caller.client = again.client
            await eventually(lambda: is_up(port), 60)
            await caller.reaches(sandbox_id, "destroyed", 30)

            async def gone() -> bool:
                return not await docker.list_containers()

            await eventually(gone, 30)
    await database.close()


async def is_up(port: int) -> bool:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        return (await client.get("/readyz")).status_code == 200
