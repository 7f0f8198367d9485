"""Two replicas on one Redis, a sandbox service, and a scripted agent."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest_asyncio

from tests.ws_hub import replica, sandbox_fake
from tests.ws_hub.replica import JWT_SECRET, Replica
from tests.ws_hub.sandbox_fake import SandboxFake
from tests.ws_hub.scripted_agent import ScriptedAgent

USER = "11111111-1111-4111-8111-111111111111"


@pytest_asyncio.fixture(scope="session")
async def sandboxes() -> AsyncIterator[SandboxFake]:
    async with sandbox_fake.serving(replica.INTERNAL_SECRET) as fake:
        yield fake


@pytest_asyncio.fixture(scope="session")
async def hub(redis_server: str, sandboxes: SandboxFake) -> AsyncIterator[Replica]:
    async with replica.running(redis_server, sandboxes.address) as found:
        yield found


@pytest_asyncio.fixture(scope="session")
async def second_hub(redis_server: str, sandboxes: SandboxFake) -> AsyncIterator[Replica]:
    async with replica.running(redis_server, sandboxes.address) as found:
        yield found


@pytest_asyncio.fixture
async def sandbox_id(sandboxes: SandboxFake) -> str:
    """A running sandbox of USER's."""
    found = str(uuid.uuid4())
    sandboxes.add(found, USER)
    return found


NewAgent = Callable[..., Awaitable[ScriptedAgent]]


@pytest_asyncio.fixture
async def new_agent(hub: Replica, sandbox_id: str) -> AsyncIterator[NewAgent]:
    """Makes connected agents of the sandbox; all are closed at the end."""
    made: list[ScriptedAgent] = []

    async def make(at: Replica | None = None, **state: object) -> ScriptedAgent:
        agent = ScriptedAgent((at or hub).ws_url, sandbox_id, JWT_SECRET)
        for name, value in state.items():
            setattr(agent, name, value)
        made.append(agent)
        return await agent.connect()

    yield make
    for agent in made:
        await agent.close()


@pytest_asyncio.fixture
async def agent(new_agent: NewAgent) -> ScriptedAgent:
    return await new_agent()
