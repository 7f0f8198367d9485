"""The service on real PostgreSQL and Redis, a hub over real gRPC, and containers in memory."""

import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox.runtime.memory import MemoryRuntime
from tests.sandbox import fake_hub, running_service
from tests.sandbox.fake_hub import FakeHub
from tests.sandbox.running_service import (
    SECRET,
    Api,
    Around,
    Running,
    person,
    settings_for,
    write_template,
)
from tests.support import postgres


@pytest_asyncio.fixture
async def hub() -> AsyncIterator[FakeHub]:
    """A hub whose agents connect at once."""
    async with fake_hub.serving(SECRET) as found:
        yield found


@pytest.fixture
def runtime() -> MemoryRuntime:
    """Containers in memory."""
    return MemoryRuntime()


@pytest.fixture
def around(hub: FakeHub, database_url: str, redis_server: str, tmp_path: Path) -> Around:
    """Settings and what they point at."""
    templates = tmp_path / "templates"
    write_template(templates, "default", "insien/default:1")
    return Around(hub, settings_for(hub, database_url, redis_server, templates), templates)


@pytest_asyncio.fixture
async def running(around: Around, runtime: MemoryRuntime) -> AsyncIterator[Running]:
    """A running service."""
    async with running_service.running(around.settings, lambda _: runtime) as found:
        yield found


@pytest.fixture
def api(running: Running) -> Api:
    """Requests to it as somebody new."""
    return running.api


@pytest_asyncio.fixture(scope="session")
async def shared(
    postgres_server: str, redis_server: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Running]:
    """One service for all tests that only ask, and look at nothing behind it."""
    templates = tmp_path_factory.mktemp("templates")
    write_template(templates, "default", "insien/default:1")
    async with postgres.database(postgres_server) as url, fake_hub.serving(SECRET) as found:
        settings = settings_for(found, url, redis_server, templates)
        async with running_service.running(settings, lambda _: MemoryRuntime()) as running:
            yield running


@pytest.fixture
def anyone(shared: Running) -> Api:
    """Requests to the shared service as somebody new."""
    return shared.api.as_(person())


@pytest.fixture(scope="session")
def docker_engine() -> Callable[[str], None]:
    """Starts Docker if need be; called with a template's name, builds its image if need be."""
    run = partial(subprocess.run, check=True, capture_output=True, timeout=290)
    run([sys.executable, "-m", "infra.engine", "ensure"])
    built: set[str] = set()

    def image(template: str) -> None:
        if template not in built:
            run([sys.executable, "-m", "infra.images", "build", template])
            built.add(template)

    return image
