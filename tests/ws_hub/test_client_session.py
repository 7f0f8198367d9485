"""Client sockets: many requests at once, and everything that ends one."""

import asyncio
import base64
import contextlib
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from kit import bus
from kit.caller import Caller
from tests.ws_hub import replica as replicas
from tests.ws_hub.conftest import USER
from tests.ws_hub.replica import CLIENT_PROTOCOL, SCOPES, Replica, owner
from tests.ws_hub.sandbox_fake import SandboxFake
from tests.ws_hub.scripted_agent import Process, ScriptedAgent, StreamEnd, info
from tests.ws_hub.waiting import eventually
from wire.agent.v1.agent_pb2 import FileEvent, FileInfo, FileList, FromAgent

ME = owner(USER)


class Client:
    """A client socket; `ask` sends a frame and returns the next answer to it."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.ids = 0

    async def send(self, kind: str, **fields: Any) -> str:
        self.ids += 1
        ident = str(fields.pop("id", self.ids))
        await self.socket.send(json.dumps({"id": ident, "type": kind} | fields))
        return ident

    async def recv(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(await asyncio.wait_for(self.socket.recv(), 10))
        return found

    async def ask(self, kind: str, **fields: Any) -> dict[str, Any]:
        ident = await self.send(kind, **fields)
        found = await self.recv()
        assert found.pop("id") == ident
        return found

    async def until(self, matches: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while not matches(found := await self.recv()):
            pass
        return found

    async def closed(self) -> int:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await asyncio.wait_for(self.socket.recv(), 10)
        return self.socket.close_code or 0


@pytest_asyncio.fixture
async def client(hub: Replica, sandbox_id: str, agent: ScriptedAgent) -> AsyncIterator[Client]:
    socket = await hub.socket(f"/client/{sandbox_id}", ME, subprotocols=CLIENT_PROTOCOL)
    yield Client(socket)
    await socket.close()


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


async def test_exec_answers_in_one_frame(client: Client) -> None:
    assert client.socket.subprotocol == "insien.v1"
    found = await client.ask("exec", cmd="echo", args=["hi"])
    found.pop("processId")
    assert found == {
        "type": "execResponse",
        "success": True,
        "pid": 100,
        "exitCode": 0,
        "signal": None,
        "stdout": "hi\n",
        "stderr": "",
        "durationMs": 5,
        "timedOut": False,
        "truncated": False,
    }


async def test_streamed_exec_tells_start_output_and_exit(client: Client) -> None:
    ident = await client.send("exec", command="echo hi", stream=True)
    frames = [await client.recv() for _ in range(3)]
    assert [frame["type"] for frame in frames] == ["started", "stdout", "exit"]
    assert {frame["id"] for frame in frames} == {ident}
    assert (frames[1]["offset"], frames[1]["data"]) == (0, b64("hi\n"))
    assert frames[2]["exitCode"] == 0


async def test_large_output_stays_within_a_frame(client: Client, agent: ScriptedAgent) -> None:
    async def flood(agent: ScriptedAgent, process: Process) -> None:
        process.write(b"\x01" * 2**20)
        process.end()

    agent.scripts["flood"] = flood
    found = await client.ask("exec", command="flood")
    assert found["truncated"] is True
    assert found["stdout"] is None
    assert len(base64.b64decode(found["stdoutBase64"])) == 512 * 1024


async def test_many_requests_run_at_once_on_one_socket(
    client: Client, agent: ScriptedAgent
) -> None:
    slow = await client.send("exec", command="sleep")
    for number in range(50):
        assert (await client.ask("exec", command=f"echo {number}"))["stdout"] == f"{number}\n"
    next(iter(agent.processes.values())).end(7)
    found = await client.recv()
    assert (found["id"], found["exitCode"]) == (slow, 7)


async def test_requests_are_bounded(client: Client, agent: ScriptedAgent) -> None:
    for number in range(257):
        await client.send("exec", id=f"x{number}", command="sleep")
    found = await client.recv()
    assert (found["id"], found["type"], found["code"]) == ("x256", "error", "rate_limited")


async def test_terminal_talks_both_ways(client: Client, agent: ScriptedAgent) -> None:
    async def shell(_: ScriptedAgent, process: Process) -> None:
        process.write(b"$ ")
        while b"exit\n" not in process.stdin:
            await process.changed.wait()
        process.write(bytes(process.stdin))
        process.end()

    agent.scripts["shell"] = shell
    ident = await client.send("terminal", rows=24, cols=80, cmd="shell")
    started = await client.recv()
    assert started["type"] == "started"
    assert (await client.recv())["data"] == b64("$ ")
    for text in ("e", "x", "it\n"):
        await client.send("data", id=ident, data=b64(text))
    assert (await client.recv())["data"] == b64("exit\n")
    assert (await client.recv())["type"] == "exit"
    opened = next(frame.open.exec for frame in agent.seen if frame.HasField("open"))
    assert (opened.terminal.rows, opened.terminal.cols, opened.keep_stdin) == (24, 80, True)
    assert {"TERM"} == {variable.name for variable in opened.env}
    found = await client.ask("resize", processId=started["processId"], rows=10, cols=20)
    assert found == {"type": "resizeResponse", "success": True}


async def test_terminal_without_a_command_is_a_shell(client: Client, agent: ScriptedAgent) -> None:
    async def shell(_: ScriptedAgent, process: Process) -> None:
        process.end()

    agent.scripts["command"] = shell
    await client.send("terminal", rows=1, cols=1)
    assert (await client.until(lambda frame: frame["type"] == "exit"))["exitCode"] == 0


async def test_process_outlives_its_socket_and_is_attached_to(
    hub: Replica, client: Client, sandbox_id: str, agent: ScriptedAgent
) -> None:
    await client.send("exec", command="sleep", stream=True)
    process_id = (await client.recv())["processId"]
    agent.processes[process_id].write(b"abc")
    await client.recv()
    await client.socket.close()
    agent.processes[process_id].write(b"def", channel=2)
    again = Client(await hub.socket(f"/client/{sandbox_id}", ME))
    await again.send("attach", processId=process_id, offset=1)
    started, out, err = [await again.recv() for _ in range(3)]
    assert (started["type"], started["offset"], started["dropped"]) == ("started", 1, 0)
    assert (out["type"], out["offset"], out["data"]) == ("stdout", 1, b64("bc"))
    assert (err["type"], err["offset"], err["data"]) == ("stderr", 3, b64("def"))
    found = await again.ask("signal", processId=process_id, signal="SIGTERM")
    types = {found["type"], (await again.recv())["type"]}
    assert types == {"signalResponse", "exit"}
    await again.socket.close()


async def test_stdin_keeps_its_order(client: Client, agent: ScriptedAgent) -> None:
    ident = await client.send("exec", command="cat", stream=True)
    process_id = (await client.recv())["processId"]
    for number in range(30):
        await client.send("stdin", processId=process_id, data=b64(f"{number} "))
    await client.send("stdin", processId=process_id, data="", close=True)
    found = await client.until(lambda frame: frame["type"] == "stdout")
    assert found["id"] == ident
    assert base64.b64decode(found["data"]).decode() == "".join(f"{n} " for n in range(30))


async def test_cancelled_command_is_killed(client: Client, agent: ScriptedAgent) -> None:
    ident = await client.send("exec", command="sleep", stream=True)
    process_id = (await client.recv())["processId"]
    await client.send("cancel", target=ident)
    frames = [await client.recv() for _ in range(2)]
    assert {frame["type"] for frame in frames} == {"cancelResponse", "error"}
    error = next(frame for frame in frames if frame["type"] == "error")
    assert (error["id"], error["code"]) == (ident, "cancelled")
    await eventually(lambda: agent.processes[process_id].exit)


async def test_files_are_written_and_read(client: Client, agent: ScriptedAgent) -> None:
    found = await client.ask("write", path="/a", content="text")
    assert found == {"type": "writeResponse", "success": True, "path": "/a"}
    found = await client.ask("read", path="/a")
    assert found == {"type": "readResponse", "success": True, "path": "/a", "content": "text"}
    await client.ask("write", path="/b", contentBase64="/w==")
    assert (await client.ask("read", path="/b"))["contentBase64"] == "/w=="
    agent.files["/big"] = bytes(2**20)
    assert (await client.ask("read", path="/big"))["code"] == "body_too_large"
    agent.files["/controls"] = b"\x01" * 300_000
    assert "contentBase64" in await client.ask("read", path="/controls")
    assert (await client.ask("stat", path="/a"))["file"]["size"] == 4
    assert (await client.ask("read", path="/none"))["code"] == "file_not_found"
    assert (await client.ask("remove", path="/a"))["type"] == "removeResponse"


async def test_names_are_changed_and_listed(client: Client, agent: ScriptedAgent) -> None:
    async def entries(agent: ScriptedAgent, stream: StreamEnd) -> None:
        many = [FileInfo(name="n" * 200, path="p" * 200, type="file")] * 5000
        await stream.send(FromAgent(files=FileList(entries=many[:1000])))
        for start in range(1000, 5000, 1000):
            await stream.send(FromAgent(files=FileList(entries=many[start : start + 1000])))
        await stream.end()

    async def change(agent: ScriptedAgent, stream: StreamEnd) -> None:
        agent.files["/new"] = b""
        await stream.send(FromAgent(file=info(agent, "/new")))
        await stream.end()

    agent.handlers |= {"list_files": entries, "make_directory": change, "move_file": change}
    found = await client.ask("list", path="/")
    assert found["truncated"] is True
    assert 1000 < len(found["entries"]) < 5000
    assert (await client.ask("mkdir", path="/new"))["file"]["path"] == "/new"
    moved = await client.ask("move", **{"from": "/a", "to": "/new"})
    assert moved["type"] == "moveResponse"


async def test_watch_tells_events_until_it_is_ended(client: Client, agent: ScriptedAgent) -> None:
    events: asyncio.Queue[FileEvent] = asyncio.Queue()

    async def watched(agent: ScriptedAgent, stream: StreamEnd) -> None:
        await stream.send(FromAgent(files=FileList()))
        while True:
            await stream.send(FromAgent(file_event=await events.get()))

    agent.handlers["watch_files"] = watched
    ident = await client.send("watch", path="/", recursive=True)
    found = await client.recv()
    watch_id = found["watchId"]
    assert found == {"id": ident, "type": "watchResponse", "success": True, "watchId": watch_id}
    events.put_nowait(FileEvent(type="moved", path="/a", new_path="/b"))
    assert await client.recv() == {
        "id": ident,
        "type": "event",
        "watchId": watch_id,
        "event": "moved",
        "path": "/a",
        "newPath": "/b",
    }
    await agent.drop()
    await agent.connect()
    assert (await client.recv())["event"] == "overflow"
    assert (await client.ask("unwatch", watchId=watch_id))["success"] is True
    await eventually(lambda: agent.seen[-1].HasField("cancel"))
    assert (await client.ask("unwatch", watchId=watch_id))["code"] == "validation_failed"


@pytest.mark.parametrize(
    ("frame", "ident", "code"),
    [
        ('{"id":1,"type":["exec"]}', 1, "validation_failed"),
        ('{"id":1,"type":{}}', 1, "validation_failed"),
        ('{"id":1,"type":"exec","command":"\\u0000"}', 1, "validation_failed"),
        ('{"id":1,"type":"write","path":"/x","content":"\\ud800"}', 1, "validation_failed"),
        ("not json", None, "invalid_json"),
        ("[1]", None, "validation_failed"),
        ("{}", None, "validation_failed"),
        ('{"id":true,"type":"exec"}', None, "validation_failed"),
        ('{"id":1,"type":"nope"}', 1, "validation_failed"),
        ('{"id":"1","type":"exec"}', "1", "validation_failed"),
        ('{"id":"1","type":"exec","command":"a","x":1}', "1", "validation_failed"),
        ('{"id":"1","type":"write","path":"/a"}', "1", "validation_failed"),
        ('{"id":"1","type":"terminal","rows":0,"cols":1}', "1", "validation_failed"),
        ('{"id":"1","type":"terminal","rows":1,"cols":1,"args":[]}', "1", "validation_failed"),
        ('{"id":"1","type":"data","data":""}', "1", "process_not_found"),
        ('{"id":"1","type":"stdin","processId":"7","data":""}', "1", "process_not_found"),
        ('{"id":"1","type":"attach","processId":"7","offset":0}', "1", "process_not_found"),
        ('{"id":"1","type":"cancel","target":"2"}', "1", "validation_failed"),
    ],
)
async def test_wrong_frame_is_answered_and_the_socket_stays_open(
    client: Client, frame: str, ident: object, code: str
) -> None:
    await client.socket.send(frame)
    found = await client.recv()
    assert (found["id"], found["type"], found["code"]) == (ident, "error", code)
    assert found["error"]
    await client.socket.send(b"binary")
    assert (await client.recv())["id"] is None
    assert (await client.ask("exec", command="echo ok"))["stdout"] == "ok\n"


async def test_id_under_way_is_not_taken_twice(client: Client) -> None:
    await client.send("exec", id="same", command="sleep")
    found = await client.ask("exec", id="same", command="sleep")
    assert found["code"] == "already_exists"


async def test_frame_sent_with_the_upgrade_is_answered(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    host, port = hub.ws_url.removeprefix("ws://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    payload = b'{"id":"1","type":"exec","command":"echo hi"}'
    masked = bytes([0x81, 0x80 | len(payload)]) + bytes(4) + payload
    name, value = next(iter(hub.headers(ME).items()))
    lines = [
        f"GET /client/{sandbox_id} HTTP/1.1",
        f"Host: {host}:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        f"{name}: {value}",
    ]
    writer.write("\r\n".join([*lines, "", ""]).encode() + masked)
    assert b"101" in await reader.readline()
    await asyncio.wait_for(reader.readuntil(b'"execResponse"'), 10)
    writer.close()


@pytest.mark.parametrize(
    ("caller", "status"),
    [
        (None, 401),
        (owner(str(uuid.uuid4())), 404),
        (Caller("key", user_id=USER, scopes=frozenset({"sandbox:read"})), 403),
        (Caller("token", user_id=USER, scopes=SCOPES, sandbox_id=str(uuid.uuid4())), 404),
        (Caller("token", user_id=USER, scopes=SCOPES, port=80), 403),
    ],
)
async def test_socket_is_refused_before_the_upgrade(
    hub: Replica, sandbox_id: str, caller: Caller | None, status: int
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await hub.socket(f"/client/{sandbox_id}", caller)
    assert refused.value.response.status_code == status


async def test_destroyed_sandbox_is_gone_before_the_upgrade(
    hub: Replica, sandboxes: SandboxFake
) -> None:
    sandbox_id = str(uuid.uuid4())
    sandboxes.add(sandbox_id, USER, "destroyed")
    with pytest.raises(InvalidStatus) as refused:
        await hub.socket(f"/client/{sandbox_id}", ME)
    assert refused.value.response.status_code == 410


@pytest.mark.parametrize(
    ("channel", "document", "code"),
    [
        ("insien:auth:revocations", {"keyId": "key-1"}, 1008),
        ("insien:auth:revocations", {"userId": USER}, 1008),
        ("insien:sandbox:events", {"state": "destroyed"}, 4404),
        ("insien:sandbox:events", {"state": "failed"}, 4404),
    ],
)
async def test_news_end_the_socket(
    client: Client,
    redis_server: str,
    sandbox_id: str,
    channel: str,
    document: dict[str, str],
    code: int,
) -> None:
    publisher = bus.connect(redis_server)
    for other in ({"keyId": "key-2"}, {"userId": "x"}, {"sandboxId": "y", "state": "failed"}):
        await publisher.publish(channel, json.dumps(other))
    await publisher.publish(channel, b"not json")
    assert (await client.ask("exec", command="echo ok"))["stdout"] == "ok\n"
    await publisher.publish(channel, json.dumps({"sandboxId": sandbox_id} | document))
    await publisher.aclose()
    assert await client.closed() == code


async def test_socket_closes_when_its_credential_expires(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    caller = owner(USER, expires_at=time.time() + 0.5)
    client = Client(await hub.socket(f"/client/{sandbox_id}", caller))
    assert await client.closed() == 1008


async def test_oversize_frame_closes_with_1009(client: Client) -> None:
    await client.socket.send("x" * (2**20 + 1))
    assert await client.closed() == 1009


async def test_slow_reader_is_closed_and_nobody_else_waits(
    redis_server: str, sandboxes: SandboxFake, sandbox_id: str, hub: Replica, agent: ScriptedAgent
) -> None:
    async def flood(agent: ScriptedAgent, process: Process) -> None:
        for _ in range(400):
            process.write(b"x" * 65_536)

    agent.scripts["flood"] = flood
    async with replicas.running(redis_server, sandboxes.address, slow_reader_seconds=1) as strict:
        slow = Client(await strict.socket(f"/client/{sandbox_id}", ME, max_queue=1))
        quick = Client(await strict.socket(f"/client/{sandbox_id}", ME))
        await slow.send("exec", command="flood", stream=True)
        await eventually(lambda: agent.processes)
        for _ in range(5):
            assert (await quick.ask("exec", command="echo ok"))["stdout"] == "ok\n"
        await asyncio.sleep(2)
        assert await slow.closed() == 4408
        await quick.socket.close()


async def test_agent_that_is_away_is_an_error_frame(
    hub: Replica, client: Client, agent: ScriptedAgent
) -> None:
    await agent.drop()
    assert (await client.ask("exec", command="echo hi"))["code"] == "agent_disconnected"
