"""Ports of a sandbox, seen from outside."""

from collections.abc import Iterator
from pathlib import Path
from socket import create_connection

import httpx
import pytest
from websockets.sync.client import connect

from insien import Client, Port, Sandbox
from tests.e2e.people import Person, raw
from tests.e2e.stack import Stack
from tests.e2e.waiting import eventually

APP = Path(__file__).with_name("echo_app.py")


@pytest.fixture(scope="module")
def app(client: Client) -> Iterator[Sandbox]:
    """A sandbox whose port 8000 answers."""
    with client.create() as sandbox:
        sandbox.files.write("app.py", APP.read_bytes())
        process = sandbox.start("exec python3 app.py")
        probe = "python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 8000))'"
        eventually(lambda: sandbox.run(probe).exit_code == 0)
        assert process.info().running
        yield sandbox


@pytest.fixture
def public(app: Sandbox) -> Port:
    return app.expose(8000)


@pytest.fixture
def private(app: Sandbox) -> Port:
    return app.expose(8000, "private")


def host(port: Port) -> str:
    return httpx.URL(port.url).netloc.decode()


def ask(stack: Stack, port: Port, path: str = "/", **headers: str) -> httpx.Response:
    """GET by the preview host."""
    with raw(stack, {"Host": host(port)} | headers) as web:
        return web.get(path)


def test_a_public_port_by_host(stack: Stack, public: Port, app: Sandbox) -> None:
    assert host(public).startswith(f"8000-{app.id}.{stack.preview_domain}")
    seen = ask(stack, public, "/a%20b/../c?x=1&y=%2F").json()
    assert seen["path"].endswith("?x=1&y=%2F")
    with raw(stack, {"Host": host(public)}) as web:
        body = bytes(range(256)) * 4096
        assert web.post("/upload", content=body).content == body


def test_a_port_by_path(api: httpx.Client, public: Port, app: Sandbox, stack: Stack) -> None:
    assert public.access == "public"
    answer = api.get(f"/sandbox/{app.id}/proxy/8000/deep/path?q=1")
    assert answer.status_code == 200, answer.text
    assert answer.json()["path"] == "/deep/path?q=1"
    with raw(stack, {}) as nobody:
        assert nobody.get(f"/sandbox/{app.id}/proxy/8000/").status_code == 401


def test_our_credentials_do_not_reach_the_app(stack: Stack, public: Port, key: str) -> None:
    seen = ask(stack, public, **{"X-API-Key": key, "X-Insien-Token": "x"}).json()["headers"]
    assert not [name for name in seen if name.startswith("x-insien")]
    assert "x-api-key" not in seen
    assert (
        "authorization" not in ask(stack, public, Authorization=f"Bearer {key}").json()["headers"]
    )
    theirs = ask(stack, public, Authorization="Bearer the-apps-own").json()["headers"]
    assert theirs["authorization"] == "Bearer the-apps-own"


def test_a_websocket_through_a_preview(stack: Stack, public: Port) -> None:
    address = httpx.URL(stack.api_url)
    raw_socket = create_connection((address.host, address.port or 80), timeout=20)
    with connect(f"ws://{host(public)}/socket", sock=raw_socket, compression=None) as socket:
        for message in ("hello", "x" * 50_000, b"\x00\xff"):
            socket.send(message)
            assert socket.recv(timeout=20) == message


def test_a_private_port_opens_to_those_who_may(
    stack: Stack, private: Port, app: Sandbox, key: str, person: Person, stranger: Person
) -> None:
    assert private.token
    allowed: list[dict[str, str]] = [
        {"X-Insien-Token": private.token},
        {"X-API-Key": key},
        {"Authorization": f"Bearer {person.session}"},
        {"X-Insien-Token": app.token(60).token},
        {"X-Insien-Token": app.token(60, port=8000).token},
    ]
    for headers in allowed:
        assert ask(stack, private, **headers).status_code == 200, headers
    refused: list[tuple[dict[str, str], int]] = [
        ({}, 401),
        ({"X-Insien-Token": "wrong"}, 401),
        ({"X-API-Key": "isk_wrong"}, 401),
        ({"X-API-Key": stranger.key()["key"]}, 404),
    ]
    for headers, status in refused:
        assert ask(stack, private, **headers).status_code == status, headers


def test_a_browser_enters_a_private_port_once(stack: Stack, private: Port, app: Sandbox) -> None:
    entry = app.token(60, port=8000).entry_url
    assert entry is not None
    url = httpx.URL(entry)
    with raw(stack, {"Host": host(private)}) as browser:
        entered = browser.get(url.raw_path.decode())
        assert entered.status_code in {302, 303, 307}, entered.text
        assert entered.headers["Location"] == "/"
        cookie = entered.headers["Set-Cookie"].partition(";")[0]
        assert "httponly" in entered.headers["Set-Cookie"].lower()
    page = ask(stack, private, Cookie=f"{cookie}; own=1")
    assert page.status_code == 200
    assert page.json()["headers"]["cookie"] == "own=1"
    with raw(stack, {"Host": host(private)}) as other:
        assert other.get(url.raw_path.decode()).status_code == 401


def test_access_changes_and_a_closed_port_is_gone(stack: Stack, app: Sandbox) -> None:
    opened = app.expose(8000)
    assert app.expose(8000).url == opened.url
    assert ask(stack, opened).status_code == 200
    assert [(port.port, port.access) for port in app.ports()] == [(8000, "public")]
    app.expose(8000, "private")
    eventually(lambda: ask(stack, opened).status_code == 401, seconds=10)
    app.close_port(8000)
    eventually(lambda: ask(stack, opened).status_code == 404, seconds=10)
    assert app.ports() == ()
