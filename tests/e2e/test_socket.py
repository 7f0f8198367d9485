"""The client WebSocket."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from insien import Client, Sandbox
from tests.e2e.people import Person
from tests.e2e.stack import Stack


class Socket:
    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def send(self, **frame: Any) -> None:
        self.connection.send(json.dumps(frame))

    def receive(self) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(self.connection.recv(timeout=30))
        return frame

    def ask(self, **frame: Any) -> dict[str, Any]:
        self.send(**frame)
        return self.receive()


@contextmanager
def opened(stack: Stack, sandbox_id: str, headers: dict[str, str]) -> Iterator[Socket]:
    url = f"{stack.ws_url}/client/{sandbox_id}"
    with connect(url, additional_headers=headers, proxy=None) as connection:
        yield Socket(connection)


@pytest.fixture
def socket(stack: Stack, box: Sandbox, key: str) -> Iterator[Socket]:
    with opened(stack, box.id, {"X-API-Key": key}) as socket:
        yield socket


def test_a_frame_sent_at_once_is_answered(stack: Stack, box: Sandbox, key: str) -> None:
    for _ in range(5):
        with opened(stack, box.id, {"X-API-Key": key}) as socket:
            answer = socket.ask(id="1", type="exec", cmd="echo", args=["first"])
            assert (answer["type"], answer["stdout"]) == ("execResponse", "first\n")


def test_exec_write_and_read(socket: Socket) -> None:
    answer = socket.ask(id="a", type="exec", command="echo out; echo err >&2; exit 3")
    assert (answer["id"], answer["stdout"], answer["stderr"]) == ("a", "out\n", "err\n")
    assert (answer["exitCode"], answer["signal"], answer["timedOut"]) == (3, None, False)
    written = socket.ask(id="b", type="write", path="ws.txt", content="grün")
    assert (written["type"], written["success"]) == ("writeResponse", True)
    read = socket.ask(id="c", type="read", path="ws.txt")
    assert (read["type"], read["content"]) == ("readResponse", "grün")
    raw = base64.b64encode(b"\xff\x00").decode()
    socket.ask(id="d", type="write", path="ws.bin", contentBase64=raw)
    assert socket.ask(id="e", type="read", path="ws.bin")["contentBase64"] == raw


def test_requests_run_side_by_side(socket: Socket) -> None:
    socket.send(id="slow", type="exec", command="sleep 1; echo slow")
    socket.send(id="fast", type="exec", command="echo fast")
    assert [socket.receive()["id"], socket.receive()["id"]] == ["fast", "slow"]


def test_a_streamed_command(socket: Socket) -> None:
    started = socket.ask(id="s", type="exec", command="echo out; exit 2", stream=True)
    assert started["type"] == "started"
    out, end = socket.receive(), socket.receive()
    assert (out["type"], out["offset"]) == ("stdout", 0)
    assert base64.b64decode(out["data"]) == b"out\n"
    assert (end["type"], end["exitCode"]) == ("exit", 2)
    attached = socket.ask(id="t", type="attach", processId=started["processId"], offset=2)
    assert attached["type"] == "started"
    assert base64.b64decode(socket.receive()["data"]).endswith(b"t\n")


def test_a_terminal(socket: Socket) -> None:
    started = socket.ask(id="t", type="terminal", rows=24, cols=80, cmd="sh")
    assert started["type"] == "started"
    line = base64.b64encode(b"stty size; exit 5\n").decode()
    socket.send(id="t", type="data", data=line)
    screen = b""
    while (frame := socket.receive())["type"] == "data":
        screen += base64.b64decode(frame["data"])
    assert b"24 80" in screen
    assert (frame["type"], frame["exitCode"]) == ("exit", 5)


def test_cancelling_kills_the_command(socket: Socket, box: Sandbox) -> None:
    """However soon: also before the command has begun."""
    for number in range(12):
        long, stop = f"long-{number}", f"stop-{number}"
        socket.send(id=long, type="exec", command="sleep 654")
        socket.send(id=stop, type="cancel", target=long)
        frames = {frame["id"]: frame for frame in (socket.receive(), socket.receive())}
        assert frames[stop]["type"] == "cancelResponse"
        assert (frames[long]["type"], frames[long]["code"]) == ("error", "cancelled")
    assert box.run("pgrep -cf '^sleep 654'").stdout == "0\n"


def test_what_is_wrong_is_told_and_the_socket_stays(socket: Socket) -> None:
    for text in ("no json", "[]", "5"):
        socket.connection.send(text)
        answer = socket.receive()
        assert (answer["id"], answer["type"]) == (None, "error")
    assert socket.ask(id="1", type="fly")["type"] == "error"
    missing = socket.ask(id="2", type="read", path="/no/file")
    assert (missing["id"], missing["code"]) == ("2", "file_not_found")
    assert socket.ask(id="3", type="exec")["type"] == "error"
    assert socket.ask(id="4", type="exec", command="echo fine")["stdout"] == "fine\n"


def test_refusals_are_http_answers(stack: Stack, box: Sandbox, key: str, client: Client) -> None:
    ended = client.create("minimal")
    ended.destroy()
    refusals = [
        (box.id, {}, 401),
        (box.id, {"X-API-Key": "isk_wrong"}, 401),
        ("00000000-0000-4000-8000-000000000000", {"X-API-Key": key}, 404),
        ("no-uuid", {"X-API-Key": key}, 404),
        (ended.id, {"X-API-Key": key}, 410),
    ]
    for sandbox_id, headers, status in refusals:
        with pytest.raises(InvalidStatus) as refused, opened(stack, sandbox_id, headers):
            pass
        response = refused.value.response
        assert response.status_code == status, sandbox_id
        assert json.loads(response.body)["status"] == status


def test_a_browser_comes_in_with_a_token(stack: Stack, box: Sandbox) -> None:
    token = box.token(60).token
    with connect(
        f"{stack.ws_url}/client/{box.id}",
        subprotocols=[Subprotocol("insien.v1"), Subprotocol(f"insien.token.{token}")],
        proxy=None,
    ) as connection:
        assert connection.subprotocol == "insien.v1"
        assert Socket(connection).ask(id="1", type="exec", command="echo x")["stdout"] == "x\n"


def test_a_revoked_key_loses_its_socket(stack: Stack, box: Sandbox, person: Person) -> None:
    key = person.key()
    with opened(stack, box.id, {"X-API-Key": key["key"]}) as socket, person.api() as me:
        assert socket.ask(id="1", type="exec", command="true")["exitCode"] == 0
        me.delete(f"/api/keys/{key['id']}")
        with pytest.raises(ConnectionClosed) as closed:
            socket.connection.recv(timeout=3)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


def test_the_socket_of_an_ended_sandbox_closes(stack: Stack, key: str, client: Client) -> None:
    sandbox = client.create("minimal")
    with opened(stack, sandbox.id, {"X-API-Key": key}) as socket:
        sandbox.destroy()
        with pytest.raises(ConnectionClosed) as closed:
            socket.connection.recv(timeout=20)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4404
