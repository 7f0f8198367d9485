"""The service as a process: what it needs, what it waits for, what it survives."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from auth.routes import endpoints
from auth.settings import Settings
from kit.openapi import describe
from tests.auth.dev_clerk import SECRET_KEY, DevClerk
from tests.auth.running_auth import (
    INTERNAL_SECRET,
    KEY_PEPPER,
    WEBHOOK_SECRET,
    RunningAuth,
    eventually_ready,
    make_settings,
    running_auth,
)
from tests.support import postgres, redis
from tests.support.folders import open_folder
from tests.support.servers import free_port, running


def environment(**changes: str) -> dict[str, str]:
    """A complete environment; an empty value takes a variable away."""
    complete = {
        "PORT": str(free_port()),
        "GRPC_PORT": str(free_port()),
        "INTERNAL_SECRET": INTERNAL_SECRET,
        "KEY_PEPPER": KEY_PEPPER,
        "DATABASE_URL": "postgresql://nobody:hidden@127.0.0.1:1/none",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "CLERK_SECRET_KEY": SECRET_KEY,
        "CLERK_ISSUER": "https://clerk.example.com",
        "CLERK_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "SANDBOX_GRPC": "127.0.0.1:1",
    }
    return complete | changes


def run(*arguments: str, **changes: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "auth", *arguments],
        env=os.environ | environment(**changes),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, "") for name in ("INTERNAL_SECRET", "KEY_PEPPER", "CLERK_SECRET_KEY")),
        *((name, "") for name in ("DATABASE_URL", "CLERK_ISSUER", "CLERK_WEBHOOK_SECRET")),
        ("INTERNAL_SECRET", "short"),
        ("KEY_PEPPER", "changeme" * 8),
        ("CLERK_SECRET_KEY", " "),
        ("CLERK_WEBHOOK_SECRET", "whsec_!"),
        ("CLERK_JWT_KEY", "rubbish"),
        ("CLERK_ISSUER", "clerk.example.com"),
    ],
)
def test_a_missing_or_weak_setting_is_named(name: str, value: str) -> None:
    ended = run(**{name: value})
    assert ended.returncode == 2
    assert f"configuration: {name} " in ended.stderr
    assert not value.strip() or value not in ended.stderr


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = run(PORT=port)
    assert ended.returncode == 1
    assert port in ended.stderr


async def test_migrating_is_a_command_of_its_own(postgres_server: str) -> None:
    async with postgres.database(postgres_server) as url:
        for _ in range(2):
            ended = await asyncio.to_thread(run, "migrate", DATABASE_URL=url)
            assert ended.returncode == 0, ended.stderr


@contextlib.contextmanager
def process(folder: Path, **changes: str) -> Iterator[tuple[httpx.Client, Path]]:
    """`python -m auth serve`, its HTTP client and its log."""
    settings, log = environment(**changes), folder / "auth.log"
    port = int(settings["PORT"])
    argv = [sys.executable, "-m", "auth", "serve"]
    with (
        running(argv, log, port=port, env=settings) as started,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http,
    ):
        yield http, log
        started.send_signal(signal.SIGTERM)
        started.wait(20)


def test_without_postgresql_it_waits_and_says_so(tmp_path: Path) -> None:
    with process(tmp_path) as (http, log):
        assert http.get("/livez").status_code == 200
        answer = http.get("/readyz")
        assert answer.status_code == 503
        assert "PostgreSQL" in answer.json()["checks"]["postgres"]
        webhook = http.post("/api/webhooks/clerk", content=b"{}")
        assert (webhook.status_code, webhook.json()["code"]) == (503, "unavailable")
        deadline = time.monotonic() + 30
        while "waiting for PostgreSQL" not in log.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert "hidden" not in log.read_text()


async def test_it_serves_as_a_process_and_ends_on_sigterm(
    tmp_path: Path, postgres_server: str, redis_server: str, clerk: DevClerk
) -> None:
    async with postgres.database(postgres_server) as url:
        with process(
            tmp_path, DATABASE_URL=url, REDIS_URL=redis_server, CLERK_API_URL=clerk.url
        ) as (http, log):
            async with httpx.AsyncClient(base_url=http.base_url, trust_env=False) as client:
                await eventually_ready(client)
            assert http.get("/metrics").status_code == 200
        for secret in (INTERNAL_SECRET, KEY_PEPPER, SECRET_KEY, WEBHOOK_SECRET):
            assert secret not in log.read_text()


async def test_a_key_is_revoked_while_redis_is_away(
    tmp_path: Path, postgres_server: str, clerk: DevClerk
) -> None:
    async with postgres.database(postgres_server) as url:
        with redis.server(tmp_path) as redis_url:
            settings = make_settings(url, redis_url, clerk.url)
            stack = contextlib.AsyncExitStack()
            auth = await stack.enter_async_context(running_auth(settings))
            user_id = await auth.new_user()
            first, second = await auth.issue(user_id), await auth.issue(user_id)
            await auth.authenticate(first["key"])
        async with stack:
            await auth.call(user_id, "DELETE", f"/api/keys/{first['id']}")
            assert await auth.reason(first["key"]) == "key_revoked"
            assert await auth.reason(second["key"]) == ""
            assert await auth.reason((await auth.issue(user_id))["key"]) == ""


async def test_without_the_database_the_answer_is_unavailable(
    redis_server: str, clerk: DevClerk
) -> None:
    server = contextlib.ExitStack()
    folder = server.enter_context(open_folder("outage"))
    url = server.enter_context(postgres.server(folder))
    async with running_auth(make_settings(url, redis_server, clerk.url)) as auth:
        user_id = await auth.new_user()
        key = await auth.issue(user_id)
        await auth.pool.close()
        await asyncio.to_thread(server.close)
        answer = await auth.call(user_id, "GET", "/api/keys")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        with pytest.raises(Exception, match="unavailable"):
            await auth.authenticate(key["key"])
        assert (await auth.http.get("/readyz")).status_code == 503


def test_the_routes_are_described_without_a_network() -> None:
    described = describe(endpoints())
    assert set(described["paths"]) == {
        "/api/users/me",
        "/api/keys",
        "/api/keys/{id}",
        "/api/keys/{id}/rotate",
        "/api/audit",
        "/api/webhooks/clerk",
    }
    issue = described["paths"]["/api/keys"]["post"]
    assert issue["security"] == [{"session": []}]
    assert described["paths"]["/api/webhooks/clerk"]["post"]["security"] == []


def test_settings_do_not_print_secrets() -> None:
    settings = Settings.model_validate(
        {name.lower(): value for name, value in environment().items()}
    )
    for secret in (INTERNAL_SECRET, KEY_PEPPER, SECRET_KEY, WEBHOOK_SECRET, "hidden"):
        assert secret not in repr(settings)


async def test_a_path_and_a_method_that_are_not_there(auth: RunningAuth) -> None:
    assert (await auth.http.get("/api/nothing")).status_code == 404
    answer = await auth.http.put("/api/users/me")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, PATCH")
