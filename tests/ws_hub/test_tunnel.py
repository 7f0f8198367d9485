"""Connections to ports inside the sandbox."""

import asyncio
import uuid

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from kit.caller import Caller
from tests.ws_hub.conftest import USER
from tests.ws_hub.replica import SCOPES, Replica, owner
from tests.ws_hub.sandbox_fake import SandboxFake
from tests.ws_hub.scripted_agent import ScriptedAgent, StreamEnd, received
from wire.agent.v1.agent_pb2 import Data, FromAgent

ME = owner(USER)


async def echo_port(_: ScriptedAgent, stream: StreamEnd) -> None:
    """Port 80 echoes until it is half-closed; nobody listens elsewhere."""
    if stream.request.dial.port != 80:
        await stream.end("port_not_listening", "nobody listens")
        return
    await stream.grant(1)
    async for payload in received(stream):
        await stream.data(payload)
    await stream.send(FromAgent(data=Data(fin=True)))
    await stream.end()


@pytest.mark.parametrize("at", ["hub", "second_hub"])
async def test_bytes_go_both_ways_and_ends_are_told(
    request: pytest.FixtureRequest,
    hub: Replica,
    second_hub: Replica,
    sandbox_id: str,
    agent: ScriptedAgent,
    at: str,
) -> None:
    agent.handlers["dial"] = echo_port
    replica = {"hub": hub, "second_hub": second_hub}[at]
    socket = await replica.socket(f"/tunnel/{sandbox_id}/80", ME)
    content = bytes(range(256)) * 3000
    for start in range(0, len(content), 100_000):
        await socket.send(content[start : start + 100_000])
    found = b""
    while len(found) < len(content):
        found += await asyncio.wait_for(socket.recv(decode=False), 10)
    assert found == content
    await socket.send(b"")
    assert await socket.recv() == b""
    with pytest.raises(ConnectionClosed):
        await asyncio.wait_for(socket.recv(), 10)
    assert socket.close_code == 1000


@pytest.mark.parametrize(
    ("port", "caller", "status", "code"),
    [
        (81, ME, 502, "port_not_listening"),
        (80, None, 401, "unauthenticated"),
        (80, owner(str(uuid.uuid4())), 404, "sandbox_not_found"),
        (80, Caller("anonymous", sandbox_id="self", port=81), 401, "unauthenticated"),
        (80, Caller("anonymous", sandbox_id=str(uuid.uuid4()), port=80), 401, "unauthenticated"),
        (80, Caller("token", user_id=USER, sandbox_id="self", port=81), 403, "scope_missing"),
    ],
)
async def test_tunnel_is_refused_before_the_upgrade(
    hub: Replica,
    sandbox_id: str,
    agent: ScriptedAgent,
    port: int,
    caller: Caller | None,
    status: int,
    code: str,
) -> None:
    agent.handlers["dial"] = echo_port
    caller = at_home(caller, sandbox_id)
    with pytest.raises(InvalidStatus) as refused:
        await hub.socket(f"/tunnel/{sandbox_id}/{port}", caller)
    assert refused.value.response.status_code == status
    assert f'"code":"{code}"'.encode() in bytes(refused.value.response.body)


def at_home(caller: Caller | None, sandbox_id: str) -> Caller | None:
    """The caller, with the sandbox of this test where it says `self`."""
    if caller is None or caller.sandbox_id != "self":
        return caller
    return Caller(
        caller.kind,
        user_id=caller.user_id,
        scopes=SCOPES,
        sandbox_id=sandbox_id,
        port=caller.port,
    )


@pytest.mark.parametrize(
    "caller",
    [
        Caller("anonymous", sandbox_id="self", port=80),
        Caller("token", user_id=USER, sandbox_id="self", port=80),
        Caller("token", user_id=USER, sandbox_id="self"),
    ],
)
async def test_those_whom_the_gateway_vouches_for_come_in(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent, caller: Caller
) -> None:
    agent.handlers["dial"] = echo_port
    socket = await hub.socket(f"/tunnel/{sandbox_id}/80", at_home(caller, sandbox_id))
    await socket.send(b"hi")
    assert await socket.recv() == b"hi"
    await socket.close()


async def test_state_and_absence_are_told(
    hub: Replica, sandboxes: SandboxFake, sandbox_id: str
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await hub.socket(f"/tunnel/{sandbox_id}/80", ME)
    assert refused.value.response.status_code == 503
    ended = str(uuid.uuid4())
    sandboxes.add(ended, USER, "destroyed")
    anyone = Caller("anonymous", sandbox_id=ended, port=80)
    with pytest.raises(InvalidStatus) as refused:
        await hub.socket(f"/tunnel/{ended}/80", anyone)
    assert refused.value.response.status_code == 410


async def test_lost_agent_ends_the_connection(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    agent.handlers["dial"] = echo_port
    socket = await hub.socket(f"/tunnel/{sandbox_id}/80", ME)
    await agent.drop()
    with pytest.raises(ConnectionClosed):
        await asyncio.wait_for(socket.recv(), 10)
    assert socket.close_code == 1011


async def test_app_that_says_its_end_first_has_ended_well(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    """Half-closed by the app, the tunnel was closed as if the agent had been lost."""

    async def speaker(_: ScriptedAgent, stream: StreamEnd) -> None:
        await stream.grant(1)
        await stream.data(b"all of it")
        await stream.send(FromAgent(data=Data(fin=True)))

    agent.handlers["dial"] = speaker
    socket = await hub.socket(f"/tunnel/{sandbox_id}/80", ME)
    assert await socket.recv() == b"all of it"
    assert await socket.recv() == b""
    with pytest.raises(ConnectionClosed):
        await asyncio.wait_for(socket.recv(), 10)
    assert socket.close_code == 1000


async def test_app_that_breaks_off_has_not_ended_well(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    async def breaking(_: ScriptedAgent, stream: StreamEnd) -> None:
        await stream.grant(1)
        await stream.data(b"half of it")
        await stream.end("internal", "the connection was reset")

    agent.handlers["dial"] = breaking
    socket = await hub.socket(f"/tunnel/{sandbox_id}/80", ME)
    assert await socket.recv() == b"half of it"
    with pytest.raises(ConnectionClosed):
        await asyncio.wait_for(socket.recv(), 10)
    assert socket.close_code == 1011
