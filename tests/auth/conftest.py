"""One auth for most tests of this folder, with a database, a sign-in and a sandbox service."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.auth.dev_clerk import DevClerk, dev_clerk
from tests.auth.running_auth import (
    FakeSandboxes,
    RunningAuth,
    fake_sandboxes,
    make_settings,
    running_auth,
)
from tests.support import postgres
from tests.support.servers import free_port


@pytest.fixture(scope="session")
def clerk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevClerk]:
    """A development sign-in."""
    with dev_clerk(tmp_path_factory.mktemp("clerk")) as running:
        yield running


@pytest.fixture(scope="session")
def sandbox_port() -> int:
    """Where the sandbox service is, or would be."""
    return free_port()


@pytest_asyncio.fixture(scope="session")
async def sandboxes(sandbox_port: int) -> AsyncIterator[FakeSandboxes]:
    """A sandbox service that notes what it is told."""
    async with fake_sandboxes(sandbox_port) as fake:
        yield fake


@pytest_asyncio.fixture(scope="session")
async def auth(
    postgres_server: str,
    redis_server: str,
    clerk: DevClerk,
    sandboxes: FakeSandboxes,
    sandbox_port: int,
) -> AsyncIterator[RunningAuth]:
    """A running service that the tests of this folder share."""
    async with postgres.database(postgres_server) as url:
        settings = make_settings(
            url, redis_server, clerk.url, sandbox_grpc=f"127.0.0.1:{sandbox_port}"
        )
        async with running_auth(settings) as running:
            yield running
