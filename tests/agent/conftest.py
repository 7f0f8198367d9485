"""One hub and one agent for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.agent.hub import Hub, Link, running_hub
from tests.agent.running_agent import Agent, running_agent


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    async with running_hub() as hub:
        yield hub


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The sandbox's working directory."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
async def agent(hub: Hub, folder: Path) -> AsyncIterator[Agent]:
    async with running_agent(hub, folder) as agent:
        yield agent


@pytest.fixture
async def link(hub: Hub, agent: Agent) -> Link:
    """The agent's first connection."""
    return await hub.link()
