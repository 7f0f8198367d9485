"""Commands survive the loss of the agent's connection: nothing missing, nothing twice."""

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.ws_hub.conftest import USER, NewAgent
from tests.ws_hub.replica import Replica, owner
from tests.ws_hub.scripted_agent import Process, ScriptedAgent
from tests.ws_hub.waiting import eventually

ME = owner(USER)


def ask(hub: Replica, sandbox_id: str, **body: Any) -> asyncio.Task[Any]:
    return asyncio.create_task(hub.request("POST", f"/sandbox/{sandbox_id}/exec", ME, json=body))


async def only(agent: ScriptedAgent) -> Process:
    await eventually(lambda: agent.processes)
    return next(iter(agent.processes.values()))


async def returned(agent: ScriptedAgent) -> None:
    """The same run of the agent, with all its processes, connects again."""
    await agent.drop()
    await agent.connect()


@pytest.mark.parametrize("asked_at", ["hub", "second_hub"])
async def test_output_around_a_reconnection_is_whole(
    request: pytest.FixtureRequest,
    hub: Replica,
    second_hub: Replica,
    sandbox_id: str,
    agent: ScriptedAgent,
    asked_at: str,
) -> None:
    answer = ask({"hub": hub, "second_hub": second_hub}[asked_at], sandbox_id, command="sleep")
    process = await only(agent)
    expected = b""
    seed = random.Random(7)
    for _ in range(6):
        piece = seed.randbytes(seed.randrange(1, 50_000)).hex().encode()
        process.write(piece)
        expected += piece
        if seed.random() < 0.7:
            await returned(agent)
    process.end(4)
    found = (await answer).json()
    assert found["stdout"].encode() == expected
    assert found["exitCode"] == 4
    assert len(agent.processes) == 1


async def test_agent_that_comes_back_to_another_replica_is_followed(
    hub: Replica, second_hub: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    answer = ask(hub, sandbox_id, command="sleep")
    process = await only(agent)
    process.write(b"one ")
    await agent.drop()
    process.write(b"two")
    agent.url = second_hub.ws_url
    await agent.connect()
    process.end()
    assert (await answer).json()["stdout"] == "one two"


async def test_restarted_agent_means_that_the_process_is_gone(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    answer = ask(hub, sandbox_id, command="sleep")
    process = await only(agent)
    await agent.drop()
    agent.boot_id = os.urandom(16)
    agent.processes.clear()
    await agent.connect()
    found = await answer
    assert (found.status_code, found.json()["code"]) == (503, "agent_disconnected")
    assert "started anew" in found.json()["detail"]
    assert process.process_id in found.json()["detail"]
    assert "Retry-After" in found.headers
    assert not agent.processes


async def test_agent_that_stays_away_is_told_with_what_may_have_happened(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    answer = ask(hub, sandbox_id, command="sleep")
    await only(agent)
    await agent.drop()
    found = await answer
    assert (found.status_code, found.json()["code"]) == (503, "agent_disconnected")
    assert "has started" in found.json()["detail"]


async def test_agent_that_never_came_is_told_soon(hub: Replica, sandbox_id: str) -> None:
    found = await ask(hub, sandbox_id, command="sleep")
    assert (found.status_code, found.json()["code"]) == (503, "agent_disconnected")
    assert found.headers["Retry-After"] == "1"


async def test_agent_that_comes_in_time_is_waited_for(
    hub: Replica, sandbox_id: str, new_agent: NewAgent
) -> None:
    answer = ask(hub, sandbox_id, command="echo late")
    await asyncio.sleep(0.05)
    await new_agent()
    assert (await answer).json()["stdout"] == "late\n"


async def events(lines: AsyncIterator[str]) -> AsyncIterator[tuple[str, Any]]:
    name = ""
    async for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


async def test_event_stream_goes_on_after_a_reconnection(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    headers = hub.headers(ME) | {"Accept": "text/event-stream"}
    path = f"/sandbox/{sandbox_id}/exec"
    body = {"command": "sleep"}
    async with hub.client.stream("POST", path, headers=headers, json=body) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        found = events(answer.aiter_lines())
        name, data = await anext(found)
        assert (name, data["offset"], data["dropped"], data["running"]) == ("start", 0, 0, True)
        process = await only(agent)
        assert data["processId"] == process.process_id
        process.write(b"abc")
        assert await anext(found) == ("stdout", {"offset": 0, "data": "YWJj"})
        await returned(agent)
        process.write(b"def", channel=2)
        assert await anext(found) == ("stderr", {"offset": 3, "data": "ZGVm"})
        process.end(15)
        name, data = await anext(found)
        assert (name, data["exitCode"], data["nextOffset"]) == ("exit", 15, 6)
        assert [item async for item in found] == []


async def test_event_stream_tells_a_failure_after_its_start(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    headers = hub.headers(ME) | {"Accept": "text/event-stream"}
    path = f"/sandbox/{sandbox_id}/exec"
    body = {"command": "sleep"}
    async with hub.client.stream("POST", path, headers=headers, json=body) as answer:
        found = events(answer.aiter_lines())
        await anext(found)
        await agent.drop()
        agent.boot_id = os.urandom(16)
        await agent.connect()
        name, data = await anext(found)
        assert (name, data["code"]) == ("error", "agent_disconnected")


async def test_quiet_event_stream_is_pinged(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    headers = hub.headers(ME) | {"Accept": "text/event-stream"}
    path = f"/sandbox/{sandbox_id}/exec"
    body = {"command": "sleep"}
    async with hub.client.stream("POST", path, headers=headers, json=body) as answer:
        found = events(answer.aiter_lines())
        await anext(found)
        assert await anext(found) == ("ping", {})
        (await only(agent)).end()
        assert (await anext(found))[0] == "exit"


async def test_same_process_id_is_the_same_process(
    hub: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    body = {"command": "echo once", "processId": "33333333-3333-4333-8333-333333333333"}
    first, second = await asyncio.gather(*(ask(hub, sandbox_id, **body) for _ in range(2)))
    assert first.json() == second.json()
    assert len(agent.processes) == 1
    other = await ask(hub, sandbox_id, **(body | {"command": "echo twice"}))
    assert (other.status_code, other.json()["code"]) == (409, "already_exists")
