"""The fake API on a real uvicorn in a thread, a relay before it, and a client of both kinds."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
import uvicorn

from insien import AsyncClient, Client
from tests.sdk.fake_api import KEY, FakeApi
from tests.sdk.relay import Relay


@dataclass(frozen=True, slots=True)
class Served:
    api: FakeApi
    relay: Relay
    url: str


class _Server:
    """One event loop in a thread with the fake and its relay."""

    def __init__(self, api: FakeApi) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(api.app(), log_level="critical", lifespan="off")
        self._uvicorn = uvicorn.Server(config)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()))
        self._relay = Relay(self._socket.getsockname()[1])

    def __enter__(self) -> Relay:
        self._thread.start()
        assert self._ready.wait(10)
        return self._relay

    def __exit__(self, *_: object) -> None:
        self._uvicorn.should_exit = True
        self._thread.join(10)

    async def _main(self) -> None:
        await self._relay.start()
        self._ready.set()
        await self._uvicorn.serve(sockets=[self._socket])
        await self._relay.stop()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    (tmp_path / "sandbox").mkdir()
    api = FakeApi(tmp_path / "sandbox")
    with _Server(api) as relay:
        yield Served(api, relay, f"http://127.0.0.1:{relay.port}")


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with Client(served.url, KEY, retry_seconds=5) as client:
        yield client


@pytest_asyncio.fixture
async def async_client(served: Served) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(served.url, KEY, retry_seconds=5) as client:
        yield client
