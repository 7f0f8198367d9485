"""One contract, two ways to an agent: its socket in this replica, and by way of another one."""

import asyncio
import contextlib
import uuid

import pytest
import pytest_asyncio

from kit import bus
from tests.ws_hub import replica as replicas
from tests.ws_hub.conftest import NewAgent
from tests.ws_hub.replica import Replica
from tests.ws_hub.scripted_agent import ScriptedAgent
from tests.ws_hub.waiting import eventually
from wire.agent.v1.agent_pb2 import Exec, Open, ReadFile, WriteFile
from ws_hub.calls import collect
from ws_hub.hub import Hub
from ws_hub.stream import Stream, StreamLost


@pytest_asyncio.fixture(params=["local", "remote"])
async def other(request: pytest.FixtureRequest, hub: Replica, second_hub: Replica) -> Replica:
    """The replica that asks; the agent is at `hub`."""
    return hub if request.param == "local" else second_hub


async def opened(at: Replica, sandbox_id: str, request: Open) -> Stream:
    parts: Hub = at.parts
    return await parts.switchboard.calls.open(sandbox_id, request)


def echo(text: str = "hi") -> Open:
    return Open(exec=Exec(process_id=str(uuid.uuid4()), command=f"echo {text}"))


async def test_frames_come_in_order_to_the_end(
    other: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    async with await opened(other, sandbox_id, echo()) as stream:
        kinds = [(await stream.recv()).WhichOneof("kind") for _ in range(3)]
    assert kinds == ["started", "data", "end"]


async def test_more_than_a_window_arrives_whole(
    other: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    agent.files["/big"] = bytes(range(256)) * 20_000
    async with await opened(other, sandbox_id, Open(read_file=ReadFile(path="/big"))) as stream:
        stream.widen()
        frames = await collect(stream)
    assert b"".join(frame.data.bytes for frame in frames) == agent.files["/big"]


async def test_more_than_a_window_leaves_whole(
    other: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    content = bytes(range(256)) * 20_000
    async with await opened(other, sandbox_id, Open(write_file=WriteFile(path="/up"))) as stream:
        assert await stream.send(content, fin=True)
        await collect(stream)
    assert agent.files["/up"] == content


@pytest.mark.parametrize("kill", [True, False])
async def test_cancel_reaches_the_agent(
    other: Replica, sandbox_id: str, agent: ScriptedAgent, kill: bool
) -> None:
    request = Open(exec=Exec(process_id=str(uuid.uuid4()), command="sleep"))
    stream = await opened(other, sandbox_id, request)
    await stream.recv()
    stream.cancel(kill=kill)
    await eventually(lambda: any(frame.HasField("cancel") for frame in agent.seen))
    process = agent.processes[request.exec.process_id]
    assert (process.exit is not None) is kill
    with pytest.raises(StreamLost):
        await stream.recv()


async def test_lost_agent_is_told_to_whoever_waits(
    other: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    request = Open(exec=Exec(process_id=str(uuid.uuid4()), command="sleep"))
    stream = await opened(other, sandbox_id, request)
    await stream.recv()
    await agent.drop()
    with pytest.raises(StreamLost):
        await asyncio.wait_for(stream.recv(), 10)


async def test_boot_id_is_the_agents(other: Replica, sandbox_id: str, agent: ScriptedAgent) -> None:
    link = await other.parts.switchboard.directory.wait(sandbox_id, 1)
    assert link.boot_id == agent.boot_id


async def test_many_streams_at_once_do_not_mix(
    other: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    async def one(number: int) -> bytes:
        async with await opened(other, sandbox_id, echo(str(number))) as stream:
            frames = await collect(stream)
        return b"".join(frame.data.bytes for frame in frames)

    found = await asyncio.gather(*(one(number) for number in range(100)))
    assert found == [b"%d\n" % number for number in range(100)]


async def test_replica_that_dies_ends_the_streams_through_it(
    redis_server: str, sandboxes: object, second_hub: Replica, sandbox_id: str, new_agent: NewAgent
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        third = await stack.enter_async_context(
            replicas.running(redis_server, sandboxes.address)  # type: ignore[attr-defined]
        )
        agent = await new_agent(third)
        request = Open(exec=Exec(process_id=str(uuid.uuid4()), command="sleep"))
        stream = await opened(second_hub, sandbox_id, request)
        await stream.recv()
        second_hub.parts.relay.unheard(third.parts.hub_id)
        with pytest.raises(StreamLost, match="gone"):
            await stream.recv()
        await agent.close()


async def test_gap_in_the_numbers_ends_the_stream(
    redis_server: str, second_hub: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    request = Open(exec=Exec(process_id=str(uuid.uuid4()), command="sleep"))
    stream = await opened(second_hub, sandbox_id, request)
    await stream.recv()
    opened_there = next(iter(second_hub.parts.relay._opened.values()))
    opened_there.received += 1
    agent.processes[request.exec.process_id].write(b"lost")
    with pytest.raises(StreamLost, match="lost"):
        await stream.recv()
    await eventually(lambda: any(frame.HasField("cancel") for frame in agent.seen))


async def test_garbage_in_the_inbox_harms_nobody(
    redis_server: str, second_hub: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    client = bus.connect(redis_server)
    await client.publish(f"insien:hub:inbox:{second_hub.parts.hub_id}", b"garbage")
    await client.aclose()
    async with await opened(second_hub, sandbox_id, echo()) as stream:
        assert len(await collect(stream)) == 2


async def test_silent_peer_is_given_up(
    second_hub: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    request = Open(exec=Exec(process_id=str(uuid.uuid4()), command="sleep"))
    stream = await opened(second_hub, sandbox_id, request)
    await stream.recv()
    second_hub.parts.relay.check_peers(asyncio.get_running_loop().time() + 10**6)
    with pytest.raises(StreamLost, match="gone"):
        await stream.recv()
