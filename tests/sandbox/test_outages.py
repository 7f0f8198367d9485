"""What the service needs is not there: it says so, waits, and comes up by itself."""

import contextlib
import subprocess
import sys
from pathlib import Path

import asyncpg
import httpx
import pytest

from kit.errors import Unavailable
from sandbox.app import docker_runtime
from sandbox.errors import RuntimeFailed
from sandbox.repository.database import Database
from sandbox.runtime.memory import MemoryRuntime
from tests.sandbox import running_service as service
from tests.sandbox.forwarder import forwarding
from tests.sandbox.process import environment, process
from tests.sandbox.running_service import Around, Running, eventually
from tests.support import redis
from tests.support.servers import free_port


async def ready(client: httpx.AsyncClient) -> dict[str, str]:
    found: dict[str, str] = (await client.get("/readyz")).json()["checks"]
    return found


async def test_a_ready_service_says_so(running: Running) -> None:
    client = running.api.client
    assert await ready(client) == {"postgres": "ok", "redis": "ok", "docker": "ok"}
    assert (await client.get("/livez")).status_code == 200
    assert (await client.get("/metrics")).status_code == 200


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InternalClientError("cannot switch to state 12; another operation is in progress"),
        asyncpg.CrashShutdownError("terminating connection"),
        ConnectionResetError(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_every_way_to_lose_the_database_is_unavailable(
    around: Around, error: Exception
) -> None:
    async with asyncpg.create_pool(
        around.settings.database_url.get_secret_value(), min_size=1, max_size=1
    ) as pool:
        with pytest.raises(Unavailable):
            async with Database(pool).connection():
                raise error


async def test_it_waits_for_postgresql_and_says_so(
    around: Around, runtime: MemoryRuntime, tmp_path: Path
) -> None:
    port = free_port()
    url = around.settings.database_url.get_secret_value()
    away = f"{url[: url.rindex('@')]}@127.0.0.1:{port}/{url.rpartition('/')[2]}"
    env = environment(around.settings, DATABASE_URL=away)
    target = int(url.rpartition("@")[2].partition(":")[2].partition("/")[0])
    with process(env, tmp_path / "log") as (_, http_port):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{http_port}") as client:
            found = await ready(client)
            assert "waits for its database" in found["postgres"]
            assert found["redis"] == "ok"

            async def said() -> bool:
                return "waiting for PostgreSQL" in (tmp_path / "log").read_text()

            await eventually(said)
            async with forwarding(port, target):

                async def up() -> bool:
                    return (await ready(client))["postgres"] == "ok"

                await eventually(up)


async def test_without_docker_it_starts_and_refuses_creates(around: Around) -> None:
    settings = around.with_(docker_host="unix:///nowhere/docker.sock")
    async with service.running(settings, docker_runtime) as found:
        checks = await ready(found.api.client)
        assert "Docker" in checks["docker"]
        assert checks["postgres"] == "ok"
        answer = await found.api.create()
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert await found.states() == ["failed"]


async def test_a_runtime_that_comes_later_is_prepared(
    around: Around, runtime: MemoryRuntime
) -> None:
    runtime.fail("prepare", RuntimeFailed("Docker does not answer", "runtime_down"))
    async with service.running(around.settings, lambda _: runtime):

        async def prepared() -> bool:
            return runtime.calls.count("prepare") == 2

        await eventually(prepared)


async def test_without_redis_everything_but_messages_goes_on(
    around: Around, runtime: MemoryRuntime, tmp_path: Path
) -> None:
    port = free_port()
    settings = around.with_(redis_url=type(around.settings.redis_url)(f"redis://127.0.0.1:{port}"))
    async with service.running(settings, lambda _: runtime) as found:
        assert (await found.api.create()).status_code == 201
        assert (await ready(found.api.client))["redis"] != "ok"
        with redis.server(tmp_path, port):

            async def up() -> bool:
                return (await ready(found.api.client))["redis"] == "ok"

            await eventually(up)


async def test_a_database_that_goes_away_is_a_503(around: Around, runtime: MemoryRuntime) -> None:
    port = free_port()
    url = around.settings.database_url.get_secret_value()
    target = int(url.rpartition("@")[2].partition(":")[2].partition("/")[0])
    through = url.replace(f":{target}/", f":{port}/")
    settings = around.with_(database_url=type(around.settings.database_url)(through))
    async with contextlib.AsyncExitStack() as stack:
        cut = await stack.enter_async_context(contextlib.AsyncExitStack())
        await cut.enter_async_context(forwarding(port, target))
        found = await stack.enter_async_context(service.running(settings, lambda _: runtime))
        await cut.aclose()

        async def refused() -> bool:
            answer = await found.api("GET", "/sandbox")
            return (answer.status_code, answer.json().get("code")) == (503, "unavailable")

        await eventually(refused)
        async with forwarding(port, target):

            async def back() -> bool:
                return (await found.api("GET", "/sandbox")).status_code == 200

            await eventually(back)
            assert (await found.api.create()).status_code == 201


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"JWT_SECRET": ""}, "JWT_SECRET is not set"),
        ({"INTERNAL_SECRET": "short"}, "INTERNAL_SECRET"),
        ({"SANDBOX_TIMEOUT_MAX_SECONDS": "long"}, "SANDBOX_TIMEOUT_MAX_SECONDS"),
        ({"TEMPLATES_DIR": "/nowhere"}, "no template in /nowhere"),
    ],
)
def test_a_wrong_configuration_is_named_and_ends_it(
    around: Around, changes: dict[str, str], said: str
) -> None:
    env = environment(around.settings, **changes)
    done = subprocess.run(
        [sys.executable, "-m", "sandbox"], env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert said in done.stderr


def test_migrate_and_drain_are_commands(around: Around) -> None:
    env = environment(around.settings)
    for command in ("migrate", "drain-warm"):
        done = subprocess.run(
            [sys.executable, "-m", "sandbox", command],
            env=env, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
