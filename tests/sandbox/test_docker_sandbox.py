"""A sandbox on a real Docker engine, through the service: hardened, watched, gone at the end."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import aiodocker
import pytest_asyncio

from sandbox.app import docker_runtime
from tests.sandbox import running_service as service
from tests.sandbox.running_service import Around, Running, eventually, write_template

AGENT = ("/bin/sh", "-c", "while :; do sleep 1; done")
FILLER = ("/bin/sh", "-c", "dd if=/dev/zero of=/fill bs=1M count=80; sleep 999")


@pytest_asyncio.fixture
async def docker() -> AsyncIterator[aiodocker.Docker]:
    async with aiodocker.Docker(url="unix:///var/run/docker.sock") as client:
        yield client


@pytest_asyncio.fixture
async def running(around: Around, docker_engine: Callable[[str], None]) -> AsyncIterator[Running]:
    docker_engine("minimal")
    write_template(around.templates, "default", "insien/minimal:1")
    write_template(around.templates, "missing", "insien/not-built:1")
    settings = around.with_(agent_bundle="/tmp", agent_entrypoint=AGENT)
    async with service.running(settings, docker_runtime) as found:
        yield found
        for row in await found.database.fetch("SELECT id FROM sandbox.sandboxes"):
            async with aiodocker.Docker(url="unix:///var/run/docker.sock") as client:
                if shown := await show(client, str(row["id"])):
                    await client.containers.container(shown["Id"]).delete(force=True)


async def show(docker: aiodocker.Docker, sandbox_id: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = await docker.containers.container(f"insien-{sandbox_id}").show()
    except aiodocker.DockerError:
        return None
    return found


async def test_a_sandbox_is_one_hardened_container(
    running: Running, docker: aiodocker.Docker
) -> None:
    sandbox_id = await running.api.created(env={"TOKEN": "s3cret-value"})
    shown = await show(docker, sandbox_id)
    assert shown is not None
    host, config = shown["HostConfig"], shown["Config"]
    assert host["CapDrop"] == ["ALL"]
    assert "no-new-privileges" in host["SecurityOpt"]
    assert (host["Memory"], host["MemorySwap"], host["PidsLimit"]) == (134217728, 134217728, 64)
    assert host["NanoCpus"] == 1_000_000_000
    assert host["NetworkMode"] == "insien-sandboxes"
    assert host["Binds"] == ["/tmp:/.insien:ro"]
    assert host["PortBindings"] in (None, {})
    assert not host["Privileged"]
    assert "docker.sock" not in str(shown["Mounts"])
    assert config["Labels"]["insien.deployment"] == running.settings.deployment
    assert config["Labels"]["insien.sandbox-id"] == sandbox_id
    assert "s3cret-value" not in str(shown)
    status = await running.api.status(sandbox_id)
    assert status["container"] == {
        "running": True, "status": "running", "exitCode": None, "oomKilled": False,
    }  # fmt: skip
    assert (await running.api("DELETE", f"/sandbox/{sandbox_id}")).status_code == 200
    assert await show(docker, sandbox_id) is None


async def test_a_sandbox_without_egress_is_on_the_isolated_network(
    running: Running, docker: aiodocker.Docker
) -> None:
    sandbox_id = await running.api.created(network={"egress": "none"})
    shown = await show(docker, sandbox_id)
    assert shown is not None
    assert shown["HostConfig"]["NetworkMode"] == "insien-isolated"


async def test_metrics_are_those_of_the_container(running: Running) -> None:
    sandbox_id = await running.api.created()
    answer = await running.api("GET", f"/sandbox/{sandbox_id}/metrics")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["memoryLimitBytes"] == 134217728
    assert 0 < body["memoryBytes"] < 134217728
    assert body["processes"] >= 1
    assert body["networkRxBytes"] >= 0


async def test_pause_and_resume_freeze_and_thaw(running: Running, docker: aiodocker.Docker) -> None:
    sandbox_id = await running.api.created()
    answer = await running.api("POST", f"/sandbox/{sandbox_id}/pause")
    assert (answer.json()["status"], answer.json()["container"]["status"]) == ("paused", "paused")
    answer = await running.api("POST", f"/sandbox/{sandbox_id}/resume")
    assert (answer.json()["status"], answer.json()["container"]["status"]) == ("running", "running")


async def test_a_container_killed_behind_our_back_is_failed_and_gone(
    running: Running, docker: aiodocker.Docker
) -> None:
    sandbox_id = await running.api.created()
    await docker.containers.container(f"insien-{sandbox_id}").kill(signal="SIGKILL")
    status = await running.api.reaches(sandbox_id, "failed", 10)
    assert status["reason"] == "container_exited"
    assert status["container"]["exitCode"] == 137

    async def gone() -> bool:
        return await show(docker, sandbox_id) is None

    await eventually(gone)


async def test_a_sandbox_past_its_disk_limit_is_stopped(
    around: Around, docker_engine: Callable[[str], None], docker: aiodocker.Docker
) -> None:
    docker_engine("minimal")
    write_template(around.templates, "default", "insien/minimal:1")
    settings = around.with_(agent_bundle="/tmp", agent_entrypoint=FILLER)
    async with service.running(settings, docker_runtime) as found:
        sandbox_id = await found.api.created()
        status = await found.api.reaches(sandbox_id, "failed", 30)
        assert status["reason"] == "disk_limit"

        async def gone() -> bool:
            return await show(docker, sandbox_id) is None

        await eventually(gone)


async def test_an_image_that_is_not_there_is_said(running: Running) -> None:
    answer = await running.api.create(template="missing")
    assert answer.status_code == 503
    assert answer.json()["code"] == "unavailable"
    assert "insien/not-built:1" in answer.json()["detail"]
    assert "Retry-After" in answer.headers
