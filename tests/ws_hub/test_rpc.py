"""hub.v1, asked of any replica over real gRPC."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
import pytest_asyncio

from kit.errors import DeadlineExceeded
from kit.rpc import Rpc, failure_code
from tests.ws_hub.conftest import USER, NewAgent
from tests.ws_hub.replica import INTERNAL_SECRET, Replica, owner
from tests.ws_hub.scripted_agent import ScriptedAgent, StreamEnd
from tests.ws_hub.waiting import eventually
from wire.hub.v1 import hub_pb2
from wire.hub.v1.hub_pb2_grpc import HubStub


class Caller:
    """Calls one replica."""

    def __init__(self, address: str) -> None:
        self.rpc = Rpc(address, INTERNAL_SECRET)
        self.stub = HubStub(self.rpc.channel)  # type: ignore[no-untyped-call]

    async def __call__(self, method: str, request: Any) -> Any:
        return await self.rpc.call(getattr(self.stub, method), request, seconds=20)


@pytest_asyncio.fixture(scope="session")
async def callers(hub: Replica, second_hub: Replica) -> AsyncIterator[dict[str, Caller]]:
    found = {"hub": Caller(hub.grpc), "second_hub": Caller(second_hub.grpc)}
    yield found
    for caller in found.values():
        await caller.rpc.close()


@pytest.fixture(params=["hub", "second_hub"])
def call(request: pytest.FixtureRequest, callers: dict[str, Caller]) -> Caller:
    """One replica after the other; agents connect to the first."""
    return callers[request.param]


def wait_request(sandbox_id: str, timeout_ms: int = 5000) -> hub_pb2.WaitForAgentRequest:
    return hub_pb2.WaitForAgentRequest(sandbox_id=sandbox_id, timeout_ms=timeout_ms)


async def test_wait_returns_when_the_agent_connects(
    call: Caller, sandbox_id: str, new_agent: NewAgent
) -> None:
    waiting = asyncio.create_task(call("WaitForAgent", wait_request(sandbox_id)))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    agent = await new_agent()
    begin = time.monotonic()
    found = await waiting
    assert time.monotonic() - begin < 2
    assert found.connection_generation == agent.last_generation
    assert found.agent_version == "scripted"
    again = await call("WaitForAgent", wait_request(sandbox_id))
    assert again.connection_generation == agent.last_generation


async def test_wait_ends_at_its_deadline(call: Caller, sandbox_id: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call("WaitForAgent", wait_request(sandbox_id, 50))
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert failure_code(caught.value) == DeadlineExceeded.code


@pytest.mark.parametrize("request_", [wait_request(str(uuid.uuid4()), 0), wait_request("x", 5)])
async def test_wrong_wait_is_refused(call: Caller, request_: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call("WaitForAgent", request_)
    assert caught.value.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND)


async def test_configure_reaches_the_agent(
    call: Caller, sandbox_id: str, agent: ScriptedAgent
) -> None:
    request = hub_pb2.ConfigureRequest(
        sandbox_id=sandbox_id,
        generation=3,
        env=[hub_pb2.Variable(name="A", value="b")],
        user="user",
        workdir="/home/user",
    )
    await call("Configure", request)
    found = next(f.open.configure for f in agent.seen if f.open.HasField("configure"))
    assert [(v.name, v.value) for v in found.env] == [("A", "b")]
    assert (found.generation, found.user, found.workdir) == (3, "user", "/home/user")
    assert found.now_ms > 1_600_000_000_000


async def test_configure_without_an_agent_is_unavailable(call: Caller, sandbox_id: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call("Configure", hub_pb2.ConfigureRequest(sandbox_id=sandbox_id))
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_refused_configure_says_so(
    call: Caller, sandbox_id: str, agent: ScriptedAgent
) -> None:
    async def refuse(_: ScriptedAgent, stream: StreamEnd) -> None:
        await stream.end("invalid_argument", "a lower generation")

    agent.handlers["configure"] = refuse
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call("Configure", hub_pb2.ConfigureRequest(sandbox_id=sandbox_id))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_status_tells_of_many_in_order(
    call: Caller, hub: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    unknown = str(uuid.uuid4())
    request = hub_pb2.AgentStatusRequest(sandbox_ids=[unknown, sandbox_id])
    found = (await call("AgentStatus", request)).agents
    assert [(item.sandbox_id, item.connected) for item in found] == [
        (unknown, False),
        (sandbox_id, True),
    ]
    assert found[1].connection_generation == agent.last_generation
    assert found[1].hub_id == hub.parts.hub_id
    too_many = hub_pb2.AgentStatusRequest(sandbox_ids=[unknown] * 1001)
    with pytest.raises(grpc.aio.AioRpcError):
        await call("AgentStatus", too_many)


async def test_disconnect_ends_agent_and_clients_everywhere(
    call: Caller, hub: Replica, second_hub: Replica, sandbox_id: str, agent: ScriptedAgent
) -> None:
    clients = [
        await replica.socket(f"/client/{sandbox_id}", owner(USER)) for replica in (hub, second_hub)
    ]
    request = hub_pb2.DisconnectRequest(sandbox_id=sandbox_id, reason="expired")
    await call("Disconnect", request)
    for client in clients:
        await asyncio.wait_for(client.wait_closed(), 10)
        assert client.close_code == 4404
        assert "expired" in (client.close_reason or "")
    assert agent.socket is not None
    await asyncio.wait_for(agent.socket.wait_closed(), 10)
    assert agent.goodbye is not None
    assert agent.goodbye.reason == "destroyed"
    status = hub_pb2.AgentStatusRequest(sandbox_ids=[sandbox_id])

    async def gone() -> bool:
        return not (await call("AgentStatus", status)).agents[0].connected

    await eventually(gone)
