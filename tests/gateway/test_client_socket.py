"""`/client/{id}`: admitted at the upgrade, then piped."""

import uuid

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from gateway.errors import SandboxNotFound
from kit.caller import Caller
from tests.gateway.fake_rpc import Person
from tests.gateway.keys import make_key
from tests.gateway.running_gateway import Stack
from tests.gateway.waiting import eventually


def dial(stack: Stack, sandbox_id: str, headers: dict[str, str], *names: str) -> connect:
    return connect(
        f"ws://127.0.0.1:{stack.port}/client/{sandbox_id}",
        additional_headers=headers,
        subprotocols=[Subprotocol(name) for name in names] or None,
        proxy=None,
        max_size=None,
    )


async def refused(stack: Stack, sandbox_id: str, headers: dict[str, str], *names: str) -> int:
    with pytest.raises(InvalidStatus) as error:
        await dial(stack, sandbox_id, headers, *names)
    assert error.value.response.headers["content-type"] == "application/problem+json"
    assert error.value.response.headers["x-request-id"]
    return error.value.response.status_code


async def close_code(ws: ClientConnection) -> int:
    with pytest.raises(ConnectionClosed) as closed:
        await ws.recv()
    return closed.value.rcvd.code if closed.value.rcvd else 0


async def test_frames_go_both_ways(stack: Stack, person: Person) -> None:
    sandbox_id = str(uuid.uuid4())
    async with dial(stack, sandbox_id, person.headers) as ws:
        for number in range(100):
            await ws.send(f'{{"id":{number}}}')
        for number in range(100):
            assert await ws.recv() == f'{{"id":{number}}}'
        assert ws.response is not None
        assert ws.response.headers["x-request-id"]
    caller = stack.hub.callers[-1]
    assert (caller.kind, caller.user_id) == ("key", person.user_id)


async def test_a_browser_shows_its_token_as_a_subprotocol(stack: Stack, person: Person) -> None:
    sandbox_id = str(uuid.uuid4())
    caller = Caller("token", user_id=person.user_id, sandbox_id=sandbox_id)
    shown = f"insien.token.{stack.tokens.mint(caller, 60)}"
    async with dial(stack, sandbox_id, {}, "insien.v1", shown) as ws:
        assert ws.subprotocol == "insien.v1"
        await ws.send("x")
        assert await ws.recv() == "x"
    assert stack.hub.callers[-1].kind == "token"
    assert stack.hub.callers[-1].sandbox_id == sandbox_id
    assert await refused(stack, str(uuid.uuid4()), {}, "insien.v1", shown) == 404
    assert await refused(stack, sandbox_id, person.headers, "insien.v1", shown) == 400
    assert await refused(stack, sandbox_id, {}, "insien.v1", "insien.token.x") == 401
    port = Caller("token", user_id=person.user_id, sandbox_id=sandbox_id, port=80)
    one_port = f"insien.token.{stack.tokens.mint(port, 60)}"
    assert await refused(stack, sandbox_id, {}, "insien.v1", one_port) == 403
    code = f"insien.token.{stack.tokens.mint(caller, 60, 'code')}"
    assert await refused(stack, sandbox_id, {}, "insien.v1", code) == 401


async def test_a_refused_upgrade_is_an_http_answer(stack: Stack, person: Person) -> None:
    sandbox_id = str(uuid.uuid4())
    assert await refused(stack, sandbox_id, {}) == 401
    assert await refused(stack, sandbox_id, {"X-API-Key": make_key()}) == 401
    reader = stack.rpc.person(("sandbox:read",))
    assert await refused(stack, sandbox_id, reader.headers) == 403
    stack.hub.refusal = SandboxNotFound("There is no such sandbox.")
    assert await refused(stack, sandbox_id, person.headers) == 404


@pytest.mark.parametrize("path", ["/health", "/sandbox", "/nope"])
async def test_an_upgrade_elsewhere_is_refused(stack: Stack, path: str) -> None:
    with pytest.raises(InvalidStatus) as error:
        await connect(f"ws://127.0.0.1:{stack.port}{path}", proxy=None)
    assert error.value.response.status_code in (400, 404)


async def test_close_codes_come_through(stack: Stack, person: Person) -> None:
    async with dial(stack, str(uuid.uuid4()), person.headers) as ws:
        await ws.send("close")
        assert await close_code(ws) == 4404
    async with dial(stack, str(uuid.uuid4()), person.headers) as ws:
        await ws.send("abort")
        assert await close_code(ws) == 1012
    async with dial(stack, str(uuid.uuid4()), person.headers) as ws:
        await ws.close(4000, "done")

    async def heard() -> bool:
        return 4000 in stack.hub.closed

    await eventually(heard)


async def test_a_frame_that_is_too_large_closes(stack: Stack, person: Person) -> None:
    async with dial(stack, str(uuid.uuid4()), person.headers) as ws:
        await ws.send("x" * (1024 * 1024))
        assert len(await ws.recv()) == 1024 * 1024
        await ws.send("x" * (1024 * 1024 + 1))
        assert await close_code(ws) == 1009
