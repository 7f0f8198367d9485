"""Real servers for all tests: one PostgreSQL and one Redis a run, started when first asked for."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.support import postgres, redis
from tests.support.folders import open_folder


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Administrator's URL of a real PostgreSQL."""
    with open_folder("postgres") as folder, postgres.server(folder) as url:
        yield url


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a real Redis that everything in the run shares."""
    with redis.server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest_asyncio.fixture
async def database_url(postgres_server: str) -> AsyncIterator[str]:
    """URL of an empty database of this test's own."""
    async with postgres.database(postgres_server) as url:
        yield url
