"""How agents come in, are replaced, and are thrown out."""

import asyncio
import time
import uuid

import jwt
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from tests.ws_hub.conftest import USER, NewAgent
from tests.ws_hub.replica import JWT_SECRET, Replica, owner
from tests.ws_hub.sandbox_fake import SandboxFake
from tests.ws_hub.scripted_agent import ScriptedAgent, StreamEnd
from tests.ws_hub.waiting import eventually
from wire.agent.v1.agent_pb2 import (
    Credit,
    Data,
    End,
    FileInfo,
    FromAgent,
    Hello,
    Pong,
    Started,
)

ME = owner(USER)
OTHER = "22222222-2222-4222-8222-222222222222"


def token(secret: str = JWT_SECRET, **claims: object) -> str:
    return jwt.encode(claims, secret, algorithm="HS256")


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "ws-hub", "sub": OTHER},
        {"aud": "insien-sandbox", "sub": "self"},
        {"sub": "self"},
        {"aud": "ws-hub"},
        {"aud": "ws-hub", "sub": "self", "exp": 1},
        {"aud": "ws-hub", "sub": "self", "secret": "another-secret-of-enough-characters"},
    ],
)
async def test_token_that_is_not_this_sandboxs_is_refused_before_the_upgrade(
    hub: Replica, sandbox_id: str, claims: dict[str, object]
) -> None:
    claims = {name: sandbox_id if value == "self" else value for name, value in claims.items()}
    secret = str(claims.pop("secret", JWT_SECRET))
    with pytest.raises(InvalidStatus) as refused:
        await connect(
            f"{hub.ws_url}/agent/{sandbox_id}",
            additional_headers={"Authorization": f"Bearer {token(secret, **claims)}"},
            subprotocols=[Subprotocol("insien.agent.v1")],
        )
    response = refused.value.response
    assert response.status_code == 401
    assert response.headers["Content-Type"] == "application/problem+json"
    assert b'"code":"unauthenticated"' in bytes(response.body)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/agent/not-a-uuid", 404),
        (f"/agent/{OTHER}", 401),
        ("/elsewhere", 404),
        (f"/tunnel/{OTHER}", 404),
        (f"/tunnel/{OTHER}/70000", 400),
        (f"/client/{OTHER}", 401),
    ],
)
async def test_upgrade_without_a_right_to_it_gets_a_problem(
    hub: Replica, path: str, status: int
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{hub.ws_url}{path}")
    assert refused.value.response.status_code == status
    assert refused.value.response.headers["X-Request-Id"]


async def test_agent_that_offers_no_subprotocol_is_refused(hub: Replica, sandbox_id: str) -> None:
    bearer = {"Authorization": f"Bearer {token(aud='ws-hub', sub=sandbox_id)}"}
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{hub.ws_url}/agent/{sandbox_id}", additional_headers=bearer)
    assert refused.value.response.status_code == 400


async def test_welcome_carries_a_generation_above_the_agents_own(
    new_agent: NewAgent,
) -> None:
    agent = await new_agent(last_generation=41)
    assert agent.welcome is not None
    assert agent.welcome.generation == 42
    assert agent.welcome.initial_credit > 0


@pytest.mark.parametrize("where", ["hub", "second_hub"])
async def test_newer_connection_replaces_the_older_wherever_it_is(
    request: pytest.FixtureRequest,
    hub: Replica,
    second_hub: Replica,
    sandbox_id: str,
    new_agent: NewAgent,
    where: str,
) -> None:
    older = await new_agent(hub)
    newer = await new_agent({"hub": hub, "second_hub": second_hub}[where])
    await eventually(lambda: older.goodbye)
    assert older.goodbye is not None
    assert older.goodbye.reason == "replaced"
    assert newer.last_generation > older.last_generation
    for replica in (hub, second_hub):
        body = {"command": "echo hi"}
        answer = await replica.request("POST", f"/sandbox/{sandbox_id}/exec", ME, json=body)
        assert answer.status_code == 200
    assert newer.processes
    assert not older.processes


async def fails(agent: ScriptedAgent) -> tuple[int, str]:
    """Close code and reason that the agent gets."""
    assert agent.socket is not None
    await asyncio.wait_for(agent.socket.wait_closed(), 10)
    return agent.socket.close_code or 0, agent.socket.close_reason or ""


@pytest.mark.parametrize(
    "first",
    [
        b"\xff\xff\xff",
        "text",
        FromAgent(pong=Pong()).SerializeToString(),
        FromAgent(hello=Hello(boot_id=b"short")).SerializeToString(),
        FromAgent(hello=Hello(boot_id=bytes(16), version="v" * 65)).SerializeToString(),
        FromAgent(hello=Hello(boot_id=bytes(16), last_generation=2**60)).SerializeToString(),
        FromAgent(stream=1, hello=Hello(boot_id=bytes(16))).SerializeToString(),
    ],
)
async def test_malformed_hello_closes_with_a_reason(
    hub: Replica, sandbox_id: str, first: str | bytes
) -> None:
    agent = ScriptedAgent(hub.ws_url, sandbox_id, JWT_SECRET)
    socket = await agent.open_socket()
    await socket.send(first)
    code, reason = await fails(agent)
    assert (code, bool(reason)) == (1008, True)


async def test_frame_larger_than_1_mib_closes_with_1009(agent: ScriptedAgent) -> None:
    assert agent.socket is not None
    await agent.socket.send(b"x" * (2**20 + 1))
    assert (await fails(agent))[0] == 1009


HOSTILE: dict[str, str | bytes | FromAgent] = {
    "text": "text",
    "garbage": b"\xff\xff",
    "empty": b"",
    "unknown stream": FromAgent(stream=99, end=End()),
    "hello again": FromAgent(hello=Hello(boot_id=bytes(16))),
    "future generation": FromAgent(generation=10**6, pong=Pong()),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_frame_out_of_place_closes_with_1008(agent: ScriptedAgent, name: str) -> None:
    assert agent.socket is not None
    frame = HOSTILE[name]
    if isinstance(frame, FromAgent):
        frame.generation = frame.generation or agent.last_generation
        frame = frame.SerializeToString()
    await agent.socket.send(frame)
    code, reason = await fails(agent)
    assert (code, bool(reason)) == (1008, True)


async def lie_about_offsets(_: ScriptedAgent, stream: StreamEnd) -> None:
    await stream.send(FromAgent(started=Started(process_id="p", offset=100)))
    await stream.data(b"x", 3, 1)


async def exceed_credit(_: ScriptedAgent, stream: StreamEnd) -> None:
    await stream.send(FromAgent(started=Started(process_id="p")))
    for number in range(10):
        frame = Data(bytes=b"x" * 200_000, offset=number * 200_000, channel=1)
        await stream.send(FromAgent(data=frame))


async def answer_something_else(_: ScriptedAgent, stream: StreamEnd) -> None:
    await stream.send(FromAgent(file=FileInfo(name="x")))


async def end_twice(_: ScriptedAgent, stream: StreamEnd) -> None:
    await stream.end("file_not_found")
    await stream.end("file_not_found")


async def grant_too_much(_: ScriptedAgent, stream: StreamEnd) -> None:
    await stream.send(FromAgent(credit=Credit(bytes=2**32 - 1)))


@pytest.mark.parametrize(
    "handler",
    [lie_about_offsets, exceed_credit, answer_something_else, end_twice, grant_too_much],
)
async def test_lying_agent_is_cut_off_and_the_caller_answered(
    hub: Replica, sandbox_id: str, new_agent: NewAgent, handler: object
) -> None:
    agent = await new_agent()
    agent.handlers["exec"] = handler  # type: ignore[assignment]
    body = {"command": "echo hi"}
    asking = asyncio.create_task(hub.request("POST", f"/sandbox/{sandbox_id}/exec", ME, json=body))
    code, reason = await fails(agent)
    assert code == 1008
    assert reason
    again = await new_agent(boot_id=agent.boot_id)  # It may come back, and behave.
    answer = await asking
    assert answer.status_code in (200, 503, 404)
    assert again.last_generation > agent.last_generation


async def test_frames_of_an_older_generation_are_dropped(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    assert agent.socket is not None
    stale = FromAgent(generation=agent.last_generation - 1, stream=77, end=End())
    await agent.socket.send(stale.SerializeToString())
    body = {"command": "echo hi"}
    answer = await hub.request("POST", f"/sandbox/{sandbox_id}/exec", ME, json=body)
    assert answer.status_code == 200


async def test_silent_agent_is_found_within_four_pings(
    redis_server: str, sandboxes: SandboxFake
) -> None:
    from tests.ws_hub import replica

    sandbox_id = str(uuid.uuid4())
    sandboxes.add(sandbox_id, USER)
    async with replica.running(redis_server, sandboxes.address, ping_interval_seconds=0.2) as quick:
        agent = await ScriptedAgent(quick.ws_url, sandbox_id, JWT_SECRET).connect()
        lively = await ScriptedAgent(quick.ws_url, str(uuid.uuid4()), JWT_SECRET).connect()
        agent.answer_pings = False
        begin = time.monotonic()
        assert agent.socket is not None
        assert lively.socket is not None
        await asyncio.wait_for(agent.socket.wait_closed(), 10)
        assert time.monotonic() - begin > 0.5
        assert lively.socket.close_code is None
        await agent.close()
        await lively.close()


async def test_agent_without_hello_is_not_waited_for_for_ever(
    hub: Replica, sandbox_id: str
) -> None:
    agent = ScriptedAgent(hub.ws_url, sandbox_id, JWT_SECRET)
    socket = await agent.open_socket()
    with pytest.raises(ConnectionClosed):
        await asyncio.wait_for(socket.recv(), 20)
