"""One gateway for the tests that need no special settings."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.gateway.fake_rpc import Person
from tests.gateway.running_gateway import Stack, running


@pytest_asyncio.fixture(scope="session")
async def shared(redis_server: str) -> AsyncIterator[Stack]:
    """The gateway that all share."""
    async with running(redis_server, trusted_proxies="") as stack:
        yield stack


@pytest_asyncio.fixture
async def stack(shared: Stack) -> AsyncIterator[Stack]:
    """The shared gateway, its fakes as new."""
    yield shared
    shared.rpc.failure = shared.rpc.gate = shared.hub.refusal = None


@pytest_asyncio.fixture
async def person(stack: Stack) -> Person:
    """A user with a key."""
    return stack.rpc.person()
