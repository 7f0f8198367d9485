"""The contract of the runtime seam: Docker's and the one in memory behave the same."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from uuid import UUID, uuid4

import aiodocker
import pytest
import pytest_asyncio

from sandbox.errors import ContainerMissing, RuntimeFailed
from sandbox.models import ContainerSpec, Resources
from sandbox.runtime.container_config import Site
from sandbox.runtime.docker import DockerRuntime
from sandbox.runtime.memory import MemoryRuntime
from sandbox.runtime.seam import Runtime
from tests.sandbox.running_service import eventually

IMAGE = "insien/minimal:1"
LIMITS = Resources(cpus=0.5, memory_mb=64, disk_mb=64, pids=32)
SLEEP = ("/bin/sh", "-c", "trap 'exit 3' TERM; dd if=/dev/zero of=/fill bs=1k count=256; sleep 999")


def site(deployment: str, entrypoint: tuple[str, ...] = SLEEP) -> Site:
    return Site(deployment, "/tmp", entrypoint, "insien-sandboxes", "insien-isolated")


@contextlib.asynccontextmanager
async def docker_runtime(deployment: str) -> AsyncIterator[DockerRuntime]:
    """A Docker runtime whose containers are all removed at the end."""
    runtime = DockerRuntime("unix:///var/run/docker.sock", site(deployment))
    try:
        await runtime.prepare()
        yield runtime
    finally:
        for container in await runtime.list_containers():
            await runtime.remove(container.sandbox_id)
        await runtime.close()


@pytest_asyncio.fixture(params=["docker", "memory"])
async def runtime(
    request: pytest.FixtureRequest, docker_engine: Callable[[str], None]
) -> AsyncIterator[Runtime]:
    if request.param == "memory":
        yield MemoryRuntime(images=[IMAGE])
        return
    docker_engine("minimal")
    async with docker_runtime(f"t-{uuid4().hex[:8]}") as found:
        yield found


def spec(sandbox_id: UUID | None = None, image: str = IMAGE, runtime: str = "") -> ContainerSpec:
    return ContainerSpec(sandbox_id or uuid4(), image, runtime, LIMITS, "full", {"A": "b"})


async def test_a_started_container_is_listed_and_runs(runtime: Runtime) -> None:
    wanted = spec()
    assert await runtime.start(wanted)
    listed = await runtime.list_containers()
    assert [(c.sandbox_id, c.status) for c in listed] == [(wanted.sandbox_id, "running")]
    assert listed[0].age_seconds < 60
    state = await runtime.inspect(wanted.sandbox_id)
    assert state is not None
    assert (state.running, state.status, state.exit_code) == (True, "running", None)


async def test_removing_twice_is_removing_once(runtime: Runtime) -> None:
    wanted = spec()
    await runtime.start(wanted)
    await runtime.remove(wanted.sandbox_id)
    await runtime.remove(wanted.sandbox_id)
    assert await runtime.list_containers() == []
    assert await runtime.inspect(wanted.sandbox_id) is None


async def test_removing_at_the_same_time_is_removing_once(runtime: Runtime) -> None:
    wanted = spec()
    await runtime.start(wanted)
    await asyncio.gather(*(runtime.remove(wanted.sandbox_id) for _ in range(3)))
    assert await runtime.list_containers() == []


async def test_a_second_container_of_a_sandbox_is_refused(runtime: Runtime) -> None:
    wanted = spec()
    await runtime.start(wanted)
    with pytest.raises(RuntimeFailed):
        await runtime.start(wanted)
    assert len(await runtime.list_containers()) == 1


async def test_a_paused_container_can_be_resumed_and_removed(runtime: Runtime) -> None:
    wanted = spec()
    await runtime.start(wanted)
    for _ in range(2):
        await runtime.pause(wanted.sandbox_id)
    assert [c.status for c in await runtime.list_containers()] == ["paused"]
    for _ in range(2):
        await runtime.resume(wanted.sandbox_id)
    assert [c.status for c in await runtime.list_containers()] == ["running"]
    await runtime.pause(wanted.sandbox_id)
    await runtime.remove(wanted.sandbox_id)
    assert await runtime.list_containers() == []


async def test_what_does_not_exist_is_missing(runtime: Runtime) -> None:
    nobody = uuid4()
    for act in (runtime.pause, runtime.resume, runtime.usage):
        with pytest.raises(ContainerMissing):
            await act(nobody)
    with pytest.raises(ContainerMissing):
        await runtime.update(nobody, LIMITS)
    assert await runtime.disk_bytes([nobody]) == {}


async def test_an_image_that_is_not_there_is_said(runtime: Runtime) -> None:
    assert await runtime.image_id("insien/no-such-image:9") is None
    assert (await runtime.image_id(IMAGE) or "").startswith("sha256:")
    with pytest.raises(RuntimeFailed) as caught:
        await runtime.start(spec(image="insien/no-such-image:9"))
    assert caught.value.kind == "image_missing"
    assert await runtime.list_containers() == []


async def test_limits_can_be_changed_while_it_runs(runtime: Runtime) -> None:
    wanted = spec()
    await runtime.start(wanted)
    larger = Resources(cpus=0.7, memory_mb=96, disk_mb=64, pids=48)
    await runtime.update(wanted.sandbox_id, larger)
    usage = await runtime.usage(wanted.sandbox_id)
    assert usage.memory_limit_bytes == larger.memory_bytes
    assert usage.processes >= 1


async def test_the_runtime_answers(runtime: Runtime) -> None:
    await runtime.check()
    await runtime.prepare()


async def test_the_size_of_the_writable_layer_is_known(docker: DockerRuntime) -> None:
    wanted = spec()
    await docker.start(wanted)

    async def written() -> bool:
        return (await docker.disk_bytes([wanted.sandbox_id]))[wanted.sandbox_id] >= 256 * 1024

    await eventually(written)
    assert (await docker.usage(wanted.sandbox_id)).disk_bytes >= 256 * 1024


async def test_the_end_of_a_container_is_told_and_its_exit_is_known(docker: DockerRuntime) -> None:
    wanted = spec()
    await docker.start(wanted)
    changes = docker.changes()
    first = asyncio.ensure_future(anext(changes))

    async def told() -> bool:
        # Once more until the subscription stands.
        async with aiodocker.Docker(url="unix:///var/run/docker.sock") as client:
            container = client.containers.container(f"insien-{wanted.sandbox_id}")
            with contextlib.suppress(aiodocker.DockerError):
                await container.kill(signal="SIGKILL")
        state = await docker.inspect(wanted.sandbox_id)
        return state is not None and not state.running

    await eventually(told)
    state = await docker.inspect(wanted.sandbox_id)
    assert state is not None
    assert (state.status, state.exit_code, state.oom_killed) == ("exited", 137, False)
    await docker.remove(wanted.sandbox_id)
    assert await asyncio.wait_for(first, 20) == wanted.sandbox_id
    await changes.aclose()  # type: ignore[attr-defined]  # an async generator


async def test_a_container_that_cannot_start_leaves_nothing(docker_engine: object) -> None:
    runtime = DockerRuntime(
        "unix:///var/run/docker.sock", site(f"t-{uuid4().hex[:8]}", ("/no/such/program",))
    )
    with pytest.raises(RuntimeFailed):
        await runtime.start(spec())
    assert await runtime.list_containers() == []
    await runtime.close()


async def test_another_deployments_containers_are_not_seen(docker: DockerRuntime) -> None:
    async with docker_runtime(f"t-{uuid4().hex[:8]}") as other:
        await other.start(spec())
        assert await docker.list_containers() == []


async def test_an_engine_that_is_not_there_is_down() -> None:
    runtime = DockerRuntime("unix:///nowhere/docker.sock", site("t"))
    with pytest.raises(RuntimeFailed) as caught:
        await runtime.check()
    assert caught.value.kind == "runtime_down"
    await runtime.close()


@pytest_asyncio.fixture
async def docker(docker_engine: Callable[[str], None]) -> AsyncIterator[DockerRuntime]:
    docker_engine("minimal")
    async with docker_runtime(f"t-{uuid4().hex[:8]}") as found:
        yield found
