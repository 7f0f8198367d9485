"""What Docker itself takes: create and start, exec, a published port."""

import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiodocker

IMAGE = "insien/default:1"
LABEL = "insien.deployment"


@asynccontextmanager
async def container(
    docker: aiodocker.Docker, command: list[str], **host: Any
) -> AsyncIterator[Any]:
    """A started container, removed at the end."""
    config: dict[str, Any] = {
        "Image": IMAGE,
        "Cmd": command,
        "Labels": {LABEL: "insien-bench-bare"},
        "ExposedPorts": {"8000/tcp": {}},
        "HostConfig": {"Init": False, **host},
    }
    made = await docker.containers.create(config, name=f"bench-{uuid.uuid4().hex[:12]}")
    try:
        await made.start()
        yield made
    finally:
        await made.delete(force=True)


async def create_and_start(docker: aiodocker.Docker, times: int) -> list[float]:
    """Seconds from create to started, one after the other."""
    samples = []
    for _ in range(times):
        began = time.perf_counter()
        async with container(docker, ["sleep", "60"]):
            samples.append(time.perf_counter() - began)
    return samples


async def exec_true(docker: aiodocker.Docker, times: int) -> list[float]:
    """Seconds for create, start, read to the end and inspect of `docker exec true`."""
    samples = []
    async with container(docker, ["sleep", "600"]) as made:
        for _ in range(times):
            began = time.perf_counter()
            run = await made.exec(["true"])
            async with run.start() as stream:
                while await stream.read_out() is not None:
                    pass
            await run.inspect()
            samples.append(time.perf_counter() - began)
    return samples


@asynccontextmanager
async def file_server(docker: aiodocker.Docker, mebibytes: int) -> AsyncIterator[str]:
    """URL of a file of that size, served by `http.server` on a published port."""
    script = (
        f"mkdir /srv/x && cd /srv/x && head -c {mebibytes}M /dev/zero > file"
        " && exec python3 -m http.server 8000"
    )
    ports = {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}
    async with container(docker, ["sh", "-c", script], PortBindings=ports) as made:
        shown = await made.show()
        port = shown["NetworkSettings"]["Ports"]["8000/tcp"][0]["HostPort"]
        yield f"http://127.0.0.1:{port}/file"
