"""The connection of a real agent: dialing, redialing, generations, and a hub that misbehaves."""

import asyncio
from pathlib import Path

import pytest

from tests.agent.hub import DEADLINE, Hub, Link, eventually, running_hub
from tests.agent.running_agent import TOKEN, Agent, running_agent
from wire.agent.v1.agent_pb2 import Credit, Data, Exec, Open, StatFile, ToAgent, Welcome


async def test_hello_says_who_dials(hub: Hub, link: Link) -> None:
    headers = hub.requests.get_nowait()
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert len(link.hello.boot_id) == 16
    assert (link.hello.last_generation, link.hello.configured_generation) == (0, 0)
    assert link.hello.version
    assert await link.ping(7) == 7


async def test_redial_tells_what_was_before(hub: Hub, link: Link) -> None:
    assert not (await link.configure(5)).code
    assert not (await link.configure(5, user="nobody-here")).code
    assert (await link.configure(4)).code == "invalid_argument"
    assert (await link.configure(6, user="nobody-here")).field == "user"
    assert (await link.configure(6, workdir="relative")).field == "workdir"
    link.socket.transport.abort()
    again = await hub.link()
    assert again.hello.boot_id == link.hello.boot_id
    assert (again.hello.last_generation, again.hello.configured_generation) == (1, 5)


async def test_hub_that_comes_back_is_found(hub: Hub, link: Link) -> None:
    await hub.stop()
    await asyncio.wait_for(link.lost.wait(), DEADLINE)
    await hub.start(hub.port)
    assert await (await hub.link()).ping(1) == 1


@pytest.mark.parametrize("status", [401, 403, 404, 409, 503])
async def test_refused_handshake_is_tried_again(hub: Hub, folder: Path, status: int) -> None:
    hub.refuse_with = status
    async with running_agent(hub, folder):
        for _ in range(3):
            await asyncio.wait_for(hub.requests.get(), DEADLINE)
        hub.refuse_with = 0
        await hub.link()


async def test_destroyed_is_final(hub: Hub, folder: Path) -> None:
    hub.refuse_with = 410
    async with running_agent(hub, folder) as agent:
        await hub.requests.get()
        await eventually(lambda: b"410" in agent.log.read_bytes())
        hub.refuse_with = 0
        await quiet(hub)
        assert agent.process.returncode is None
        assert await agent.stop() == 0


@pytest.mark.parametrize("reason", ["replaced", "destroyed"])
async def test_goodbye_is_final_and_the_agent_lives_on(
    hub: Hub, agent: Agent, link: Link, reason: str
) -> None:
    await link.goodbye(reason)
    await asyncio.wait_for(link.lost.wait(), DEADLINE)
    await quiet(hub)
    assert agent.process.returncode is None


async def test_draining_finishes_streams_and_dials_after_the_delay(hub: Hub, link: Link) -> None:
    stream = await link.exec("sleep 0.6; echo done")
    await stream.next()
    began = asyncio.get_running_loop().time()
    await link.goodbye("draining", delay_ms=300)
    assert (await stream.end()).exit.code == 0
    await hub.link()
    assert asyncio.get_running_loop().time() - began >= 0.3


async def test_silent_hub_is_left(hub: Hub, folder: Path) -> None:
    hub.ping_interval_ms = 100
    async with running_agent(hub, folder):
        link = await hub.link()
        await asyncio.wait_for(link.lost.wait(), DEADLINE)
        await hub.link()


async def test_lower_generations_are_refused(hub: Hub, folder: Path) -> None:
    hub.generation = 9
    async with running_agent(hub, folder):
        link = await hub.link()
        assert link.generation == 10
        old = ToAgent(generation=9, stream=1, open=Open(exec=Exec(command="touch ran")))
        await link.socket.send(old.SerializeToString())
        assert await link.ping(1) == 1
        assert not (folder / "ran").exists()
        hub.generation = 3
        link.socket.transport.abort()
        stale = await hub.link()
        assert stale.generation == 4
        await asyncio.wait_for(stale.lost.wait(), DEADLINE)
        assert stale.socket.close_code == 1008
        hub.generation = 20
        while (await hub.link()).generation < 20:
            pass


async def violate(link: Link, number: int) -> None:
    stat = Open(stat_file=StatFile(path="/"))
    if number == 0:
        await link.socket.send(b"\xff\xff\xff")
    elif number == 1:
        await link.socket.send("text")
    elif number == 2:
        await link.send(0, welcome=Welcome(generation=99))
    elif number == 3:
        await link.send(0, open=stat)
    elif number == 4:
        await link.exec("sleep 9")
        await link.send(1, open=stat)
    elif number == 5:
        await link.exec("sleep 9")
        await link.send(1, credit=Credit(bytes=0))
    elif number == 6:
        await link.exec("sleep 9")
        await link.send(1, credit=Credit(bytes=(16 << 20) + 1))
    elif number == 7:
        await link.exec("sleep 9")
        await link.send(1, data=Data())
    elif number == 8:
        await link.exec("sleep 9")
        await link.send(1, data=Data(bytes=bytes(300_000)))
    elif number == 9:
        await link.socket.send(bytes(1_100_000))
    elif number == 10:
        link.socket.transport.write(b"\x83\x00")


@pytest.mark.parametrize("number", range(11))
async def test_hub_that_breaks_the_protocol_is_left_and_dialed_again(
    hub: Hub, link: Link, number: int
) -> None:
    await violate(link, number)
    await asyncio.wait_for(link.lost.wait(), DEADLINE)
    assert await (await hub.link()).ping(1) == 1


async def test_frames_before_welcome_are_refused(hub: Hub, folder: Path) -> None:
    hub.welcoming = False
    async with running_agent(hub, folder):
        link = await hub.link()
        hub.welcoming = True
        await link.goodbye("replaced")
        await asyncio.wait_for(link.lost.wait(), DEADLINE)
        await hub.link()


async def test_frames_on_streams_that_have_ended_are_ignored(link: Link) -> None:
    stream = await link.exec("true")
    await stream.end()
    await stream.data(b"late")
    await stream.send(credit=Credit(bytes=1))
    assert await link.ping(2) == 2
    assert (await (await link.open()).end()).code == "unsupported"


async def test_more_streams_than_allowed_are_refused(link: Link) -> None:
    for _ in range(1024):
        await link.send(_ + 1, open=Open(exec=Exec(process_id="0" * 36, command="sleep 9")))
    from tests.agent.hub import Stream

    over = Stream(link, 2000)
    link.streams.update({number: Stream(link, number) for number in range(1, 1025)})
    link.streams[2000] = over
    await link.send(2000, open=Open(stat_file=StatFile(path="/")))
    assert (await over.end()).code == "too_many"


async def test_a_name_is_resolved(folder: Path) -> None:
    async with running_hub() as hub:
        url = f"ws://localhost:{hub.port}/agent/one"
        async with running_agent(hub, folder, INSIEN_AGENT_URL=url):
            await hub.link()
        url = f"ws://no-such-name.invalid:{hub.port}/agent/one"
        async with running_agent(hub, folder, INSIEN_AGENT_URL=url) as agent:
            await eventually(lambda: b"no address" in agent.log.read_bytes())


async def quiet(hub: Hub) -> None:
    """Nobody dials for a while that is long against the first redial."""
    while not hub.requests.empty():
        hub.requests.get_nowait()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(hub.requests.get(), 0.7)
