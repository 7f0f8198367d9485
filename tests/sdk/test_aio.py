"""The asynchronous client: the same story as the synchronous one."""

import asyncio
import inspect
from pathlib import Path

import pytest

from insien import (
    AsyncClient,
    AsyncOutputStream,
    AsyncProcess,
    AsyncSandbox,
    Client,
    NotFound,
    OutputStream,
    Process,
    Sandbox,
)
from insien.aio.files import AsyncFiles
from insien.files import Files
from tests.sdk.conftest import Served
from tests.sdk.fake_api import MISSING, problem

TWINS = [
    (Client, AsyncClient),
    (Sandbox, AsyncSandbox),
    (Process, AsyncProcess),
    (OutputStream, AsyncOutputStream),
    (Files, AsyncFiles),
]


@pytest.mark.parametrize(("sync", "twin"), TWINS)
def test_twins_have_the_same_methods_with_the_same_parameters(sync: type, twin: type) -> None:
    def methods(kind: type) -> dict[str, list[str]]:
        found = inspect.getmembers(kind, inspect.isfunction)
        return {
            name: list(inspect.signature(function).parameters)
            for name, function in found
            if not name.startswith("_")
        }

    assert methods(sync) == methods(twin)


async def test_a_sandbox_from_birth_to_end(async_client: AsyncClient) -> None:
    async with await async_client.create("minimal", metadata={"label": "a"}) as sandbox:
        assert (await async_client.get(sandbox.id)).id == sandbox.id
        assert [one.id async for one in async_client.list()] == [sandbox.id]
        assert (await sandbox.pause()).status == "paused"
        assert (await sandbox.resume()).status == "running"
        assert (await sandbox.extend(9)).status == "running"
        assert (await sandbox.metrics()).processes == 7
        assert [event.type async for event in sandbox.events()] == ["created", "started"]
        assert (await sandbox.token(port=1)).entry_url
        assert (await sandbox.expose(8000)).port == 8000
        assert len(await sandbox.ports()) == 1
        await sandbox.close_port(8000)
        assert sandbox.id in repr(sandbox)
    assert (await sandbox.status()).status == "destroyed"
    assert (await async_client.limits())["sandboxes"]
    assert len(await async_client.templates()) == 1
    with pytest.raises(NotFound):
        await async_client.get(MISSING)


async def test_commands(async_client: AsyncClient) -> None:
    sandbox = await async_client.create()
    assert (await sandbox.run("echo a")).stdout == "a\n"
    assert (await sandbox.exec("echo", ["b"])).stdout == "b\n"
    process = await sandbox.start("read word; echo $word; sleep 60")
    await process.stdin("hello\n")
    stream = process.output()
    async for chunk in stream:
        assert chunk.text == "hello\n"
        break
    assert (stream.next_offset, stream.dropped, stream.process_id) == (6, 0, process.id)
    await stream.close()
    assert (await process.read()).text == "hello\n"
    assert (await process.info()).running
    assert len(await sandbox.processes()) == 3
    await process.signal()
    assert (await process.wait()).signal == "SIGTERM"
    other = await sandbox.start("sleep 60")
    await other.kill()
    assert (await other.wait()).signal == "SIGKILL"


async def test_many_at_once(async_client: AsyncClient) -> None:
    sandbox = await async_client.create()
    results = await asyncio.gather(*(sandbox.run(f"echo {n}") for n in range(8)))
    assert [result.stdout for result in results] == [f"{n}\n" for n in range(8)]


async def test_files(async_client: AsyncClient, tmp_path: Path) -> None:
    files = (await async_client.create()).files
    source = tmp_path / "source"
    source.write_bytes(bytes(600_000))
    await files.upload(source, "d/large")
    await files.download("d/large", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == source.read_bytes()
    await files.write("d/t", "text")
    assert await files.read_text("d/t") == "text"
    await files.copy("d/t", "d/u")
    await files.move("d/u", "d/v")
    await files.chmod("d/v", "0600")
    await files.mkdir("e")
    assert (await files.stat("d/v")).mode == "0600"
    assert [entry.name for entry in await files.list("d")] == ["large", "t", "v"]
    await files.archive("d", tmp_path / "d.tar.gz")
    await files.unpack(tmp_path / "d.tar.gz", "e")
    assert await files.read("e/v") == b"text"
    await files.remove("e", recursive=True)


async def test_broken_connections_and_restarts(
    async_client: AsyncClient, served: Served, tmp_path: Path
) -> None:
    sandbox = await async_client.create()
    await sandbox.files.write("big", bytes(300_000))
    served.api.faults.extend([lambda: problem(503, "unavailable", retry_after=0.05)] * 2)
    assert (await sandbox.status()).status == "running"
    served.api.faults.append(lambda: problem(503, "unavailable", retry_after=0.05))
    await sandbox.files.download("big", tmp_path / "big")
    assert (tmp_path / "big").stat().st_size == 300_000
    served.api.faults.append(lambda: problem(503, "agent_disconnected", retry_after=0.05))
    assert (await sandbox.stream("echo x").result()).stdout == "x\n"
