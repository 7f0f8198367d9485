"""Files over HTTP."""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.ws_hub.conftest import USER
from tests.ws_hub.replica import Replica, owner
from tests.ws_hub.sandbox_fake import SandboxFake
from tests.ws_hub.scripted_agent import ScriptedAgent, StreamEnd, info, received
from wire.agent.v1.agent_pb2 import Data, FileEvent, FileInfo, FileList, FromAgent

ME = owner(USER)


async def chunks(content: bytes, size: int = 50_000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


@pytest.mark.parametrize("at", ["hub", "second_hub"])
async def test_upload_and_download_are_byte_exact(
    request: pytest.FixtureRequest,
    hub: Replica,
    second_hub: Replica,
    sandbox_id: str,
    agent: ScriptedAgent,
    at: str,
) -> None:
    replica = {"hub": hub, "second_hub": second_hub}[at]
    content = os.urandom(3_000_000)
    path = f"/sandbox/{sandbox_id}/files"
    params = {"path": "/up", "mode": "0600"}
    answer = await replica.request("PUT", path, ME, params=params, content=chunks(content))
    assert answer.status_code == 200, answer.text
    assert answer.json()["file"] == {
        "name": "up",
        "path": "/up",
        "type": "file",
        "size": len(content),
        "mode": "0644",
        "owner": "",
        "group": "",
        "modifiedAt": "1970-01-01T00:00:00.000Z",
    }
    assert agent.files["/up"] == content
    found = await replica.request("GET", path, ME, params={"path": "/up"})
    assert found.content == content
    assert found.headers["Content-Length"] == str(len(content))
    opened = next(f.open.write_file for f in agent.seen if f.open.HasField("write_file"))
    assert opened.mode == 0o600


async def test_parts_head_and_validators(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    agent.files["/f"] = b"0123456789"

    async def get(method: str = "GET", **headers: str) -> Any:
        path = f"/sandbox/{sandbox_id}/files"
        return await hub.request(method, path, ME, params={"path": "/f"}, headers=headers)

    whole = await get()
    assert (whole.content, whole.headers["Accept-Ranges"]) == (b"0123456789", "bytes")
    part = await get(Range="bytes=2-4")
    assert (part.status_code, part.content) == (206, b"234")
    assert part.headers["Content-Range"] == "bytes 2-4/10"
    assert (await get(Range="bytes=-2")).content == b"89"
    assert (await get(**{"Range": "bytes=2-4", "If-Range": '"old"'})).status_code == 200
    missed = await get(Range="bytes=10-")
    assert (missed.status_code, missed.headers["Content-Range"]) == (416, "bytes */10")
    assert missed.json()["code"] == "range_not_satisfiable"
    head = await get("HEAD")
    assert (head.headers["Content-Length"], head.content) == ("10", b"")
    etag = whole.headers["ETag"]
    for known in (etag, f"W/{etag}", f'"old", {etag}', "*"):
        for method in ("GET", "HEAD"):
            assert (await get(method, **{"If-None-Match": known})).status_code == 304, known
    assert (await get(**{"If-None-Match": '"old"'})).status_code == 200


@pytest.mark.parametrize("path", ["", "/stat"])
async def test_missing_file_is_not_found(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent, path: str
) -> None:
    url = f"/sandbox/{sandbox_id}/files{path}"
    answer = await hub.request("GET", url, ME, params={"path": "/none"})
    assert (answer.status_code, answer.json()["code"]) == (404, "file_not_found")


async def test_file_that_says_it_is_empty_and_is_not_is_read_to_its_end(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    async def proc(_: ScriptedAgent, stream: StreamEnd) -> None:
        await stream.send(FromAgent(file=FileInfo(name="x", type="file")))
        await stream.data(b"more than nothing")
        await stream.end()

    agent.handlers["read_file"] = proc
    url = f"/sandbox/{sandbox_id}/files"
    answer = await hub.request("GET", url, ME, params={"path": "/proc/x"})
    assert answer.content == b"more than nothing"


async def test_upload_beyond_the_disk_is_507_before_it_is_sent(
    hub: Replica, sandboxes: SandboxFake, sandbox_id: str, agent: ScriptedAgent
) -> None:
    sandboxes.add(sandbox_id, USER, disk_bytes=2000, disk_used_bytes=1500)
    url = f"/sandbox/{sandbox_id}/files"
    answer = await hub.request("PUT", url, ME, params={"path": "/x"}, content=bytes(501))
    assert (answer.status_code, answer.json()["code"]) == (507, "disk_full")
    answer = await hub.request("PUT", url, ME, params={"path": "/x"}, content=bytes(500))
    assert answer.status_code == 200


async def test_upload_that_loses_its_agent_is_told(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    begun = asyncio.Event()

    async def stall(_: ScriptedAgent, stream: StreamEnd) -> None:
        await stream.incoming.get()
        begun.set()

    agent.handlers["write_file"] = stall
    url = f"/sandbox/{sandbox_id}/files"
    params = {"path": "/x"}
    upload = asyncio.create_task(
        hub.request("PUT", url, ME, params=params, content=chunks(bytes(10**6)))
    )
    await begun.wait()
    await agent.drop()
    answer = await upload
    assert (answer.status_code, answer.json()["code"]) == (503, "agent_disconnected")


async def test_upload_that_the_agent_does_not_take_is_a_timeout(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    async def stall(_: ScriptedAgent, stream: StreamEnd) -> None:
        await asyncio.Event().wait()

    agent.handlers["write_file"] = stall
    agent.handlers["read_file"] = stall
    url = f"/sandbox/{sandbox_id}/files"
    answer = await hub.request("PUT", url, ME, params={"path": "/x"}, content=bytes(10**6))
    assert (answer.status_code, answer.json()["code"]) == (504, "timeout")
    answer = await hub.request("GET", url, ME, params={"path": "/x"})
    assert (answer.status_code, answer.json()["code"]) == (504, "timeout")


async def test_names_are_changed(hub: Replica, sandbox_id: str, agent: ScriptedAgent) -> None:
    async def change(agent: ScriptedAgent, stream: StreamEnd) -> None:
        agent.files["/new"] = b""
        await stream.send(FromAgent(file=info(agent, "/new")))
        await stream.end()

    kinds = {"mkdir": "make_directory", "move": "move_file", "copy": "copy_file"}
    kinds["chmod"] = "change_mode"
    agent.handlers |= dict.fromkeys(kinds.values(), change)
    bodies: dict[str, Any] = {
        "mkdir": {"path": "d"},
        "move": {"from": "a", "to": "b"},
        "copy": {"from": "a", "to": "b", "overwrite": True},
        "chmod": {"path": "a", "mode": "0750"},
    }
    for name, body in bodies.items():
        answer = await hub.request("POST", f"/sandbox/{sandbox_id}/files/{name}", ME, json=body)
        assert answer.json()["file"]["path"] == "/new", answer.text
        opened = agent.seen[-1].open
        assert opened.HasField(kinds[name])
    made = next(f.open.make_directory for f in agent.seen if f.open.HasField("make_directory"))
    assert (made.parents, made.mode) == (True, 0)
    assert agent.seen[-1].open.change_mode.mode == 0o750
    url = f"/sandbox/{sandbox_id}/files"
    answer = await hub.request("DELETE", url, ME, params={"path": "d", "recursive": "true"})
    assert answer.json() == {"success": True}
    assert agent.seen[-1].open.remove_file.recursive is True


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("mkdir", {}, "path"),
        ("move", {"from": "a"}, "to"),
        ("chmod", {"path": "a", "mode": "rwx"}, "mode"),
        ("chmod", {"path": "a", "mode": 644}, "mode"),
        ("copy", {"from": "", "to": "b"}, "from"),
    ],
)
async def test_wrong_field_of_a_change_is_named(
    hub: Replica, sandbox_id: str, name: str, body: dict[str, Any], field: str
) -> None:
    answer = await hub.request("POST", f"/sandbox/{sandbox_id}/files/{name}", ME, json=body)
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_directory_is_listed(hub: Replica, sandbox_id: str, agent: ScriptedAgent) -> None:
    async def entries(_: ScriptedAgent, stream: StreamEnd) -> None:
        found = FileInfo(name="l", path="/l", type="symlink", target="/t", mode=0o777)
        await stream.send(FromAgent(files=FileList(entries=[found])))
        await stream.send(FromAgent(files=FileList(entries=[FileInfo(type="x")], truncated=True)))
        await stream.end()

    agent.handlers["list_files"] = entries
    url = f"/sandbox/{sandbox_id}/files/list"
    found = (await hub.request("GET", url, ME, params={"path": "/", "depth": "3"})).json()
    assert (found["path"], found["truncated"]) == ("/", True)
    assert [(e["type"], e.get("target")) for e in found["entries"]] == [
        ("symlink", "/t"),
        ("other", None),
    ]
    assert agent.seen[-1].open.list_files.depth == 3


async def test_changes_are_followed(hub: Replica, sandbox_id: str, agent: ScriptedAgent) -> None:
    async def watched(_: ScriptedAgent, stream: StreamEnd) -> None:
        await stream.send(FromAgent(files=FileList()))
        await stream.send(FromAgent(file_event=FileEvent(type="created", path="/a")))
        await stream.send(FromAgent(file_event=FileEvent(type="moved", path="/a", new_path="/b")))
        await stream.end()

    agent.handlers["watch_files"] = watched
    url = f"/sandbox/{sandbox_id}/files/watch"
    answer = await hub.request("GET", url, ME, params={"path": "/"})
    assert answer.text == (
        'event: created\ndata: {"path": "/a"}\n\n'
        'event: moved\ndata: {"path": "/a", "newPath": "/b"}\n\n'
    )


@pytest.mark.parametrize("after", [True, False])
async def test_refused_watch_is_a_problem(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent, after: bool
) -> None:
    async def refuse(_: ScriptedAgent, stream: StreamEnd) -> None:
        if after:
            await stream.send(FromAgent(files=FileList()))
        await stream.end("file_not_found", "no such file")

    agent.handlers["watch_files"] = refuse
    url = f"/sandbox/{sandbox_id}/files/watch"
    answer = await hub.request("GET", url, ME, params={"path": "/none"})
    if after:
        assert answer.text.startswith("event: error\n")
    else:
        assert (answer.status_code, answer.json()["code"]) == (404, "file_not_found")


async def test_archives_go_both_ways(hub: Replica, sandbox_id: str, agent: ScriptedAgent) -> None:
    taken = bytearray()

    async def pack(_: ScriptedAgent, stream: StreamEnd) -> None:
        await stream.send(FromAgent(data=Data(bytes=b"tar.gz", fin=True)))
        await stream.end()

    async def unpack(_: ScriptedAgent, stream: StreamEnd) -> None:
        async for payload in received(stream):
            taken.extend(payload)
        await stream.end()

    agent.handlers |= {"read_archive": pack, "write_archive": unpack}
    url = f"/sandbox/{sandbox_id}/files/archive"
    answer = await hub.request("GET", url, ME, params={"path": "/d"})
    assert (answer.content, answer.headers["Content-Type"]) == (b"tar.gz", "application/gzip")
    answer = await hub.request("PUT", url, ME, params={"path": "/d"}, content=b"packed")
    assert (answer.json(), bytes(taken)) == ({"success": True}, b"packed")


async def test_refused_archive_is_a_problem(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    async def refuse(_: ScriptedAgent, stream: StreamEnd) -> None:
        await stream.end("invalid_argument", "an entry leaves the path", field="path")

    agent.handlers |= {"read_archive": refuse, "write_archive": refuse}
    url = f"/sandbox/{sandbox_id}/files/archive"
    for method in ("GET", "PUT"):
        content = b"x" if method == "PUT" else None
        answer = await hub.request(method, url, ME, params={"path": "/d"}, content=content)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "path")


async def test_directory_is_no_download(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    async def directory(_: ScriptedAgent, stream: StreamEnd) -> None:
        await stream.send(FromAgent(file=FileInfo(name="d", type="directory")))
        await stream.end()

    agent.handlers["stat_file"] = directory
    url = f"/sandbox/{sandbox_id}/files"
    headers = {"Range": "bytes=0-1"}
    answer = await hub.request("GET", url, ME, params={"path": "/d"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "is_a_directory")
