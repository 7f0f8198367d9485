"""The hub with the real agent as a process of this machine."""

import asyncio
import base64
import contextlib
import io
import json
import os
import signal
import sys
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest
import pytest_asyncio

from tests.ws_hub.conftest import USER
from tests.ws_hub.replica import JWT_SECRET, Replica, owner
from tests.ws_hub.waiting import eventually

ME = owner(USER)


class Box:
    """A sandbox with its agent, as its owner sees it."""

    def __init__(self, hub: Replica, sandbox_id: str, home: Path) -> None:
        self.hub = hub
        self.base = f"/sandbox/{sandbox_id}"
        self.sandbox_id = sandbox_id
        self.home = home
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        token = jwt.encode({"aud": "ws-hub", "sub": self.sandbox_id}, JWT_SECRET, "HS256")
        env = {
            "PATH": os.environ["PATH"],
            "INSIEN_AGENT_URL": f"{self.hub.ws_url}/agent/{self.sandbox_id}",
            "INSIEN_AGENT_TOKEN": token,
            "INSIEN_SANDBOX_ID": self.sandbox_id,
            "INSIEN_WORKDIR": str(self.home),
        }
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "agent", env=env, stderr=asyncio.subprocess.DEVNULL
        )
        await eventually(lambda: self.hub.parts.roster.get(self.sandbox_id))

    async def stop(self) -> None:
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.process.wait(), 10)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()

    async def run(self, **body: Any) -> dict[str, Any]:
        answer = await self.hub.request("POST", f"{self.base}/exec", ME, json=body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def request(self, method: str, path: str, **more: Any) -> Any:
        return await self.hub.request(method, f"{self.base}/{path}", ME, **more)


@pytest_asyncio.fixture
async def box(hub: Replica, sandbox_id: str, tmp_path: Path) -> AsyncIterator[Box]:
    found = Box(hub, sandbox_id, tmp_path)
    try:
        await found.start()
        yield found
    finally:
        await found.stop()


async def test_commands_run(box: Box) -> None:
    found = await box.run(command="echo out; echo err >&2; pwd; exit 3")
    assert (found["exitCode"], found["stderr"]) == (3, "err\n")
    assert found["stdout"] == f"out\n{box.home}\n"
    assert (await box.run(cmd="no-such-program"))["exitCode"] == 127
    assert (await box.run(command="cat", stdin="text"))["stdout"] == "text"
    assert (await box.run(command="kill -9 $$"))["signal"] == "SIGKILL"
    assert (await box.run(command="echo $A", env={"A": "b"}))["stdout"] == "b\n"
    timed = await box.run(command="sleep 30", timeoutMs=200)
    assert timed["timedOut"] is True


async def test_background_process_is_fed_and_followed(box: Box) -> None:
    started = await box.run(command="cat; exit 5", background=True)
    process = f"processes/{started['processId']}"
    answer = await box.request("POST", f"{process}/stdin?close=true", content=b"hello")
    assert answer.status_code == 200, answer.text
    headers = box.hub.headers(ME)
    url = f"{box.base}/{process}/output?follow=true"
    async with box.hub.client.stream("GET", url, headers=headers) as stream:
        text = "".join([line async for line in stream.aiter_text()])
    assert base64.b64encode(b"hello").decode() in text
    assert '"exitCode": 5' in text
    found = (await box.request("GET", process)).json()["process"]
    assert (found["running"], found["exitCode"], found["nextOffset"]) == (False, 5, 5)


async def test_output_larger_than_every_window_is_exact(box: Box) -> None:
    found = await box.run(command="seq 1 400000")
    assert found["stdout"] == "".join(f"{n}\n" for n in range(1, 400_001))


async def test_files_round_trip(box: Box) -> None:
    content = os.urandom(5_000_000)
    params = {"path": "deep/er/file", "mode": "0640"}
    answer = await box.request("PUT", "files", params=params, content=content)
    assert answer.json()["file"]["mode"] == "0640"
    assert (await box.request("GET", "files", params={"path": "deep/er/file"})).content == content
    ranged = await box.request(
        "GET", "files", params={"path": "deep/er/file"}, headers={"Range": "bytes=10-19"}
    )
    assert (ranged.status_code, ranged.content) == (206, content[10:20])
    listed = (await box.request("GET", "files/list", params={"path": ".", "depth": 3})).json()
    assert [entry["name"] for entry in listed["entries"]] == ["deep", "er", "file"]
    body = {"from": "deep/er/file", "to": "moved"}
    assert (await box.request("POST", "files/move", json=body)).status_code == 200
    copied = await box.request("POST", "files/copy", json={"from": "deep", "to": "copied"})
    assert copied.status_code == 200
    answer = await box.request("DELETE", "files", params={"path": "deep"})
    assert answer.json()["code"] == "directory_not_empty"
    answer = await box.request("DELETE", "files", params={"path": "deep", "recursive": "true"})
    assert answer.status_code == 200
    assert not (box.home / "deep").exists()
    answer = await box.request("GET", "files", params={"path": "copied"})
    assert (answer.status_code, answer.json()["code"]) == (409, "is_a_directory")


async def test_archives_round_trip(box: Box) -> None:
    (box.home / "a").mkdir()
    (box.home / "a" / "f").write_text("content")
    packed = await box.request("GET", "files/archive", params={"path": "a"})
    with tarfile.open(fileobj=io.BytesIO(packed.content), mode="r:gz") as tar:
        assert "f" in [name.removeprefix("./") for name in tar.getnames()]
    answer = await box.request("PUT", "files/archive", params={"path": "b"}, content=packed.content)
    assert answer.status_code == 200, answer.text
    assert (box.home / "b" / "f").read_text() == "content"


async def test_changes_are_watched(box: Box) -> None:
    headers = box.hub.headers(ME)
    url = f"{box.base}/files/watch?path=."
    async with box.hub.client.stream("GET", url, headers=headers) as stream:
        lines = stream.aiter_lines()
        (box.home / "new").write_text("x")
        assert await anext(lines) == "event: created"
        assert json.loads((await anext(lines)).removeprefix("data: "))["path"].endswith("/new")


async def test_port_is_dialled(box: Box) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.read(100)).upper())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    socket = await box.hub.socket(f"/tunnel/{box.sandbox_id}/{port}", ME)
    await socket.send(b"hello")
    assert await socket.recv() == b"HELLO"
    await asyncio.wait_for(socket.wait_closed(), 10)
    server.close()
    await server.wait_closed()


async def test_terminal_runs(box: Box) -> None:
    socket = await box.hub.socket(f"/client/{box.sandbox_id}", ME)
    frame = {"id": "t", "type": "terminal", "rows": 33, "cols": 77, "cmd": "stty size; cat"}
    await socket.send(json.dumps(frame))
    output = b""
    typed = base64.b64encode(b"typed\n\x04").decode()
    while True:
        found = json.loads(await asyncio.wait_for(socket.recv(), 10))
        if found["type"] == "data":
            output += base64.b64decode(found["data"])
            if b"33 77" in output and typed:
                await socket.send(json.dumps({"id": "t", "type": "data", "data": typed}))
                typed = ""
        elif found["type"] == "exit":
            break
    assert b"33 77" in output
    assert b"typed" in output
    await socket.close()


async def test_command_survives_a_cut_connection(box: Box) -> None:
    asking = asyncio.create_task(box.run(command="echo one; sleep 1; echo two; exit 9"))
    await asyncio.sleep(0.3)
    link = box.hub.parts.roster.get(box.sandbox_id)
    assert link is not None
    link.abort()
    found = await asking
    assert (found["stdout"], found["exitCode"]) == ("one\ntwo\n", 9)


@pytest.mark.parametrize("at_once", [100])
async def test_many_commands_at_once(box: Box, at_once: int) -> None:
    found = await asyncio.gather(*(box.run(command=f"echo {n}") for n in range(at_once)))
    assert [item["stdout"] for item in found] == [f"{n}\n" for n in range(at_once)]
