"""Previews over a tunnel: who may open them, what the app gets, what comes back."""

import asyncio
import hashlib
import json
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from gateway.errors import AgentDisconnected, PortNotListening
from kit.caller import Caller
from kit.errors import Internal
from tests.gateway.fake_rpc import Person
from tests.gateway.fake_service import CHUNK
from tests.gateway.keys import make_key
from tests.gateway.running_gateway import Stack
from tests.gateway.waiting import eventually
from wire.sandbox.v1 import sandbox_pb2

TOKEN = "private-port-token"


def public(stack: Stack) -> sandbox_pb2.Port:
    return sandbox_pb2.Port(container_port=stack.app.port, access="public")


def private(stack: Stack) -> sandbox_pb2.Port:
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    return sandbox_pb2.Port(container_port=stack.app.port, access="private", token_sha256=digest)


def token(stack: Stack, person: Person, sandbox_id: str, port: int = 0, entry: str = "") -> str:
    caller = Caller("token", user_id=person.user_id, sandbox_id=sandbox_id, port=port)
    return stack.tokens.mint(caller, 60, entry)


async def test_a_public_port_opens_to_anyone(stack: Stack, person: Person) -> None:
    sandbox_id = stack.rpc.sandbox(person, public(stack))
    host = stack.host(sandbox_id)
    shown = host | {
        "X-API-Key": person.key,
        "Authorization": "Basic app",
        "X-Insien-Token": "x",
        "X-Insien-Caller": "x",
        "Cookie": "insien-entry=secret; own=1",
        "X-Forwarded-For": "9.9.9.9",
    }
    answer = await stack.http.post("/any//path/../x%2F?q=1", headers=shown, content=b"abc")
    seen = answer.json()
    headers = dict(seen["headers"])
    assert (answer.status_code, seen["method"], seen["size"]) == (200, "POST", 3)
    assert seen["query"] == "q=1"
    assert headers["host"] == headers["x-forwarded-host"] == host["Host"]
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["authorization"] == "Basic app"
    assert headers["cookie"] == "own=1"
    assert not [name for name in headers if name.startswith("x-insien") or name == "x-api-key"]
    assert "content-security-policy" not in answer.headers
    caller = stack.hub.callers[-1]
    assert (caller.kind, caller.sandbox_id, caller.port) == (
        "anonymous",
        sandbox_id,
        stack.app.port,
    )


async def test_a_key_in_authorization_stays_with_the_gateway(stack: Stack, person: Person) -> None:
    sandbox_id = stack.rpc.sandbox(person, public(stack))
    shown = stack.host(sandbox_id) | {"Authorization": f"Bearer {person.key}"}
    answer = await stack.http.get("/", headers=shown)
    assert "authorization" not in dict(answer.json()["headers"])


async def test_tunnels_are_used_again_and_stream(stack: Stack, person: Person) -> None:
    host = stack.host(stack.rpc.sandbox(person, public(stack)))
    before = stack.hub.tunnels
    for _ in range(5):
        assert (await stack.http.get("/", headers=host)).status_code == 200
    assert stack.hub.tunnels == before + 1
    body = b"y" * 3_000_000
    sent = await stack.http.put("/up", headers=host, content=body)
    assert sent.json()["sha256"] == hashlib.sha256(body).hexdigest()
    assert (await stack.http.get("/?stream=50", headers=host)).content == CHUNK * 50


@pytest.mark.parametrize("shown", ["token", "sandbox token", "key", "session", "cookie"])
async def test_a_private_port_opens_to_its_owner(stack: Stack, person: Person, shown: str) -> None:
    sandbox_id = stack.rpc.sandbox(person, private(stack))
    headers = {
        "token": {"X-Insien-Token": TOKEN},
        "sandbox token": {"X-Insien-Token": token(stack, person, sandbox_id)},
        "key": person.headers,
        "session": person.session_headers,
        "cookie": {"Cookie": f"insien-entry={token(stack, person, sandbox_id, stack.app.port)}"},
    }[shown]
    answer = await stack.http.get("/", headers=stack.host(sandbox_id) | headers)
    assert answer.status_code == 200
    assert "insien" not in json.dumps(answer.json()["headers"])


async def test_a_private_port_refuses_everyone_else(stack: Stack, person: Person) -> None:
    sandbox_id = stack.rpc.sandbox(person, private(stack))
    stranger = stack.rpc.person()
    cookie = {"Cookie": f"insien-entry={token(stack, person, sandbox_id)}"}
    cases: list[tuple[dict[str, str], int]] = [
        ({}, 401),
        ({"X-Insien-Token": "wrong"}, 401),
        ({"X-API-Key": make_key()}, 401),
        ({"Authorization": "Basic app"}, 401),
        ({"X-Insien-Token": token(stack, person, sandbox_id, entry="code")}, 401),
        ({"Cookie": "insien-entry=wrong"}, 401),
        (cookie | {"Origin": "http://evil.example"}, 401),
        (cookie | {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"}, 401),
        (stranger.headers, 404),
        ({"X-Insien-Token": token(stack, stranger, sandbox_id)}, 404),
        ({"X-Insien-Token": token(stack, person, stack.rpc.sandbox(person))}, 404),
        ({"X-Insien-Token": token(stack, person, sandbox_id, 1)}, 404),
    ]
    for headers, status in cases:
        answer = await stack.http.get("/", headers=stack.host(sandbox_id) | headers)
        assert answer.status_code == status, headers


async def test_what_is_not_open_has_no_preview(stack: Stack, person: Person) -> None:
    cases = [
        (stack.rpc.sandbox(person), 404, "port_not_exposed"),
        ("0e9a7a1e-0000-4000-8000-000000000000", 404, "sandbox_not_found"),
        (stack.rpc.sandbox(person, public(stack), state="destroyed"), 410, "sandbox_destroyed"),
        (stack.rpc.sandbox(person, public(stack), state="failed"), 410, "sandbox_destroyed"),
        (stack.rpc.sandbox(person, public(stack), state="paused"), 409, "wrong_state"),
    ]
    for sandbox_id, status, code in cases:
        answer = await stack.http.get("/", headers=stack.host(sandbox_id))
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        page = await stack.http.get("/", headers=stack.host(sandbox_id) | {"Accept": "text/html"})
        assert page.status_code == status
        assert page.headers["content-type"].startswith("text/html")
        assert code in page.text
    stack.rpc.failure = Internal("defect")
    answer = await stack.http.get("/", headers=stack.host("0e9a7a1e-0000-4000-8000-000000000001"))
    assert answer.status_code == 503


@pytest.mark.parametrize(
    ("refusal", "status"),
    [(PortNotListening("x"), 502), (AgentDisconnected("x"), 503), (Internal("x"), 503)],
)
async def test_what_the_hub_refuses_is_passed_on(
    stack: Stack, person: Person, refusal: Any, status: int
) -> None:
    stack.hub.refusal = refusal
    sandbox_id = stack.rpc.sandbox(person, public(stack))
    answer = await stack.http.get("/", headers=stack.host(sandbox_id))
    assert answer.status_code == status
    if status == 503:
        assert answer.headers["retry-after"] == "3"


async def test_events_of_a_sandbox_drop_what_is_known(stack: Stack, person: Person) -> None:
    sandbox_id = stack.rpc.sandbox(person, public(stack))
    host = stack.host(sandbox_id)
    assert (await stack.http.get("/", headers=host)).status_code == 200
    asked = stack.rpc.looked_up.count(sandbox_id)
    assert (await stack.http.get("/", headers=host)).status_code == 200
    assert stack.rpc.looked_up.count(sandbox_id) == asked
    del stack.rpc.sandboxes[sandbox_id].ports[:]
    await stack.redis.publish("insien:sandbox:events", json.dumps({"sandboxId": sandbox_id}))

    async def closed() -> bool:
        return (await stack.http.get("/", headers=host)).status_code == 404

    await eventually(closed)


async def test_revocations_drop_what_is_known(stack: Stack, person: Person) -> None:
    assert (await stack.http.get("/sandbox", headers=person.headers)).status_code == 200
    del stack.rpc.identities[person.key]
    await stack.redis.publish("insien:auth:revocations", "no json")
    await stack.redis.publish("insien:auth:revocations", json.dumps({"keyId": person.key_id}))

    async def refused() -> bool:
        return (await stack.http.get("/sandbox", headers=person.headers)).status_code == 401

    await eventually(refused, 1)


async def test_an_entry_link_works_once(stack: Stack, person: Person) -> None:
    sandbox_id = stack.rpc.sandbox(person, private(stack))
    host = stack.host(sandbox_id)
    code = token(stack, person, sandbox_id, stack.app.port, entry=f"jti-{sandbox_id}")
    answer = await stack.http.get(f"/.insien/enter?code={code}", headers=host)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "Domain" not in cookie
    value = cookie.partition(";")[0]
    stack.http.cookies.clear()
    opened = await stack.http.get("/", headers=host | {"Cookie": value})
    assert opened.status_code == 200
    again = await stack.http.get(f"/.insien/enter?code={code}", headers=host)
    assert again.status_code == 401
    assert (await stack.http.post("/.insien/enter", headers=host)).status_code == 405


async def test_an_entry_link_opens_its_own_port_only(stack: Stack, person: Person) -> None:
    sandbox_id = stack.rpc.sandbox(person, private(stack))
    other = stack.rpc.sandbox(person, private(stack))
    host = stack.host(sandbox_id)
    for code, status in (
        (token(stack, person, other, stack.app.port, entry="a"), 404),
        (token(stack, stack.rpc.person(), sandbox_id, stack.app.port, entry="b"), 404),
        (token(stack, person, sandbox_id, stack.app.port), 401),
        ("nonsense", 401),
    ):
        answer = await stack.http.get(f"/.insien/enter?code={code}", headers=host)
        assert answer.status_code == status


async def test_the_path_form_needs_the_owners_credential(stack: Stack, person: Person) -> None:
    sandbox_id = stack.rpc.sandbox(person, public(stack))
    path = f"/sandbox/{sandbox_id}/proxy/{stack.app.port}"
    answer = await stack.http.get(f"{path}/a/b?c=1", headers=person.headers)
    assert (answer.json()["path"], answer.json()["query"]) == ("/a/b", "c=1")
    assert dict(answer.json()["headers"])["x-forwarded-prefix"] == path
    assert "sandbox" in answer.headers["content-security-policy"]
    shown = {"X-Insien-Token": token(stack, person, sandbox_id)}
    assert (await stack.http.options(path, headers=shown)).json()["path"] == "/"
    assert (await stack.http.get(path)).status_code == 401
    assert (await stack.http.get(path, headers=stack.rpc.person().headers)).status_code == 404
    wrong = f"/sandbox/{sandbox_id}/proxy/99999/"
    assert (await stack.http.get(wrong, headers=person.headers)).status_code == 404
    read_only = stack.rpc.person(("sandbox:read",))
    own = stack.rpc.sandbox(read_only, public(stack))
    path = f"/sandbox/{own}/proxy/{stack.app.port}/"
    assert (await stack.http.post(path, headers=read_only.headers)).status_code == 200


async def test_cookies_of_an_app_stay_with_it(stack: Stack, person: Person) -> None:
    sandbox_id = stack.rpc.sandbox(person, public(stack))
    given = json.dumps({"Set-Cookie": "a=b; Domain=localhost; Path=/; Secure"})
    by_host = await stack.http.get(f"/?headers={given}", headers=stack.host(sandbox_id))
    assert by_host.headers["set-cookie"] == "a=b; Path=/; Secure"
    path = f"/sandbox/{sandbox_id}/proxy/{stack.app.port}"
    by_path = await stack.http.get(f"{path}/?headers={given}", headers=person.headers)
    assert by_path.headers["set-cookie"] == f"a=b; Secure; Path={path}"
    ours = json.dumps({"Set-Cookie": "insien-entry=x"})
    answer = await stack.http.get(f"/?headers={ours}", headers=stack.host(sandbox_id))
    assert "set-cookie" not in answer.headers
    stack.http.cookies.clear()


def socket(stack: Stack, path: str, headers: dict[str, str], *names: str) -> connect:
    return connect(
        f"ws://127.0.0.1:{stack.port}{path}",
        additional_headers={k: v for k, v in headers.items() if k != "Host"},
        subprotocols=[Subprotocol(name) for name in names] or None,
        compression=None,
        proxy=None,
        max_size=None,
        host="127.0.0.1",
        port=stack.port,
    )


async def test_a_websocket_goes_through(stack: Stack, person: Person) -> None:
    sandbox_id = stack.rpc.sandbox(person, public(stack))
    path = f"/sandbox/{sandbox_id}/proxy/{stack.app.port}/live"
    async with socket(stack, path, person.headers, "a", "b") as ws:
        hello = json.loads(await ws.recv())
        assert hello["path"] == "/live"
        assert "x-api-key" not in hello["headers"]
        assert ws.subprotocol == "b"
        await ws.send("abc")
        assert await ws.recv() == "ABC"
        await ws.send(b"abc")
        assert await ws.recv() == b"cba"
        large = "x" * 2_000_000
        await ws.send(large)
        assert await ws.recv() == large.upper()
        await (await ws.ping())
        await ws.send("bye")
        with pytest.raises(ConnectionClosed) as closed:
            await ws.recv()
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4321, "as asked")


async def test_a_callers_close_code_reaches_the_app(stack: Stack, person: Person) -> None:
    sandbox_id = stack.rpc.sandbox(person, public(stack))
    path = f"/sandbox/{sandbox_id}/proxy/{stack.app.port}/live"
    async with socket(stack, path, person.headers) as ws:
        await ws.recv()
        await ws.close(4999, "done")

    async def heard() -> bool:
        return {"closed": 4999} in stack.app.requests

    await eventually(heard)


async def test_an_app_that_refuses_an_upgrade_is_heard(stack: Stack, person: Person) -> None:
    sandbox_id = stack.rpc.sandbox(person, public(stack))
    path = f"/sandbox/{sandbox_id}/proxy/{stack.app.port}/live?refuse=1"
    with pytest.raises(InvalidStatus) as refused:
        await socket(stack, path, person.headers)
    assert refused.value.response.status_code == 418
    assert refused.value.response.body == b'{"no":true}'


async def test_a_websocket_of_a_private_port_asks_who_comes(stack: Stack, person: Person) -> None:
    sandbox_id = stack.rpc.sandbox(person, private(stack))
    path = f"/sandbox/{sandbox_id}/proxy/{stack.app.port}/live"
    with pytest.raises(InvalidStatus) as refused:
        await socket(stack, path, {})
    assert refused.value.response.status_code == 401
    assert b"unauthenticated" in (refused.value.response.body or b"")


async def test_body_that_ends_with_the_connection_is_whole(stack: Stack, person: Person) -> None:
    """As of HTTP/1.0 servers and event streams; the end of the app's side is enough to tell."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        writer.write_eof()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        exposed = sandbox_pb2.Port(container_port=port, access="public")
        host = stack.host(stack.rpc.sandbox(person, exposed), port)
        answer = await stack.http.get("/", headers=host)
        assert (answer.status_code, answer.content) == (200, b"data: 1\n\n")
