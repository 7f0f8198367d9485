"""Real servers for all tests: one PostgreSQL and one Redis a run, started when first asked for."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support import postgres, redis


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Administrator's URL of a real PostgreSQL."""
    # Not below pytest's own folder: that one is closed to others, and PostgreSQL is never root.
    with tempfile.TemporaryDirectory(prefix="insien-postgres-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with postgres.server(folder) as url:
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
