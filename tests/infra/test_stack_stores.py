"""The embedded PostgreSQL and Redis under the supervisor, and what is made inside them."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest

from infra.stack import control, postgres
from infra.stack.database import DatabaseUrls, database_urls, prepare_database
from infra.stack.errors import StepFailed
from infra.stack.identity import identify, send
from infra.stack.plan import Plan
from infra.stack.secret_file import load_secrets
from infra.stack.settings import StackSettings, stack_settings
from infra.stack.stores import Stores, choose_stores, prepare_stores

T = TypeVar("T")
PASSWORDS = {"auth": "p'w/a", "sandbox": "p@w:s"}


def run(work: Coroutine[Any, Any, T]) -> T:
    """On a loop of its own: the code under test brings its own loops too."""
    with asyncio.Runner() as runner:
        return runner.run(work)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def settings_in(folder: Path, **environ: str) -> StackSettings:
    ports = {"POSTGRES_PORT": str(free_port()), "REDIS_PORT": str(free_port())}
    return stack_settings({"INSIEN_STATE_DIR": str(folder)} | ports | environ, folder)


def start(settings: StackSettings) -> tuple[Stores, DatabaseUrls]:
    settings.layout.prepare()
    secrets = load_secrets(settings.layout, {})
    stores = choose_stores(settings, secrets)
    prepare_stores(settings, secrets, stores)
    control.apply(settings.layout, Plan(stores.embedded, {"PATH": os.environ["PATH"]}))
    control.settle(settings.layout, 60)
    urls = database_urls(stores.administrator_url, PASSWORDS)
    prepare_database(urls, PASSWORDS, 60)
    return stores, urls


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[StackSettings]:
    settings = settings_in(tmp_path / "state")
    yield settings
    control.stop(settings.layout)


def redis_ask(url: str, *words: str) -> bytes:
    """One command over a bare socket, authenticated by the URL's password."""
    password, _, place = url.removeprefix("redis://:").removesuffix("/0").partition("@")
    host, _, port = place.partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        for command in (("AUTH", password), words):
            connection.sendall(f"{' '.join(command)}\r\n".encode())
            answer = connection.recv(4096)
    return answer


async def fetch(url: str, query: str) -> Any:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def eventually(attempt: Callable[[], T], seconds: float = 60.0) -> T:
    deadline = time.monotonic() + seconds
    while True:
        try:
            return attempt()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.05)


def test_embedded_servers_come_up_and_survive_kills(stack: StackSettings) -> None:
    stores, urls = start(stack)
    for schema, url in urls.services.items():
        made = fetch(url, f"CREATE TABLE {schema}.proof AS SELECT 42 AS answer")
        run(made)
    assert eventually(lambda: redis_ask(stores.redis_url, "PING")) == b"+PONG\r\n"
    for name in ("postgres-1", "redis-1"):
        before = identify(int(stack.layout.pid_file(name).read_text()))
        assert before is not None
        send(before, signal.SIGKILL)
    query = "SELECT answer FROM auth.proof"
    assert eventually(lambda: run(fetch(urls.services["auth"], query))) == 42
    assert eventually(lambda: redis_ask(stores.redis_url, "PING")) == b"+PONG\r\n"


def test_data_survives_a_killed_supervisor(stack: StackSettings) -> None:
    _, urls = start(stack)
    run(fetch(urls.services["sandbox"], "CREATE TABLE sandbox.proof AS SELECT 7 AS answer"))
    running = control.supervisor(stack.layout)
    assert running is not None
    send(running, signal.SIGKILL)
    _, urls = start(stack)
    query = "SELECT answer FROM sandbox.proof"
    assert run(fetch(urls.services["sandbox"], query)) == 7


def test_a_service_reads_nothing_of_another_services_schema(stack: StackSettings) -> None:
    _, urls = start(stack)
    run(fetch(urls.services["auth"], "CREATE TABLE auth.secret AS SELECT 1 AS one"))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        run(fetch(urls.services["sandbox"], "SELECT one FROM auth.secret"))
    assert run(fetch(urls.administrator, "SELECT current_database()")) == postgres.DATABASE


def test_redis_wants_its_password(stack: StackSettings) -> None:
    stores, _ = start(stack)
    place = stores.redis_url.rpartition("@")[2]
    wrong = f"redis://:wrong@{place}"
    assert b"NOAUTH" in eventually(lambda: redis_ask(wrong, "PING"))


def test_two_stacks_keep_their_data_apart(stack: StackSettings, tmp_path: Path) -> None:
    other = settings_in(tmp_path / "other")
    try:
        _, mine = start(stack)
        _, theirs = start(other)
        run(fetch(mine.administrator, "CREATE TABLE public.mine AS SELECT 1 AS one"))
        with pytest.raises(asyncpg.UndefinedTableError):
            run(fetch(theirs.administrator, "SELECT one FROM public.mine"))
    finally:
        control.stop(other.layout)


def test_earlier_products_tables_can_be_read_by_both_roles(stack: StackSettings) -> None:
    _, urls = start(stack)
    made = "CREATE TABLE public.users AS SELECT 'a@example.com' AS email"
    run(fetch(urls.administrator, made))
    prepare_database(urls, PASSWORDS, 10)
    for url in urls.services.values():
        assert run(fetch(url, "SELECT email FROM public.users")) == "a@example.com"


def test_sourced_dev_env_does_not_make_the_embedded_servers_external(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    settings.layout.prepare()
    secrets = load_secrets(settings.layout, {})
    own = choose_stores(settings, secrets)
    urls = {"DATABASE_URL": own.administrator_url, "REDIS_URL": own.redis_url}
    ports = {name: settings.environ[name] for name in ("POSTGRES_PORT", "REDIS_PORT")}
    again = stack_settings({"INSIEN_STATE_DIR": str(tmp_path)} | ports | urls, tmp_path)
    assert choose_stores(again, secrets) == own


def test_external_urls_run_no_servers(tmp_path: Path) -> None:
    settings = settings_in(
        tmp_path, DATABASE_URL="postgresql://a:b@db.example:5432/shop", REDIS_URL="redis://r:1/0"
    )
    settings.layout.prepare()
    stores = choose_stores(settings, load_secrets(settings.layout, {}))
    assert stores.embedded == ()
    urls = database_urls(stores.administrator_url, PASSWORDS)
    assert urls.services["auth"] == "postgresql://insien_auth:p%27w%2Fa@db.example:5432/shop"


@pytest.mark.parametrize("path", ["", "/", "/postgres"])
def test_administrators_url_without_a_database_means_ours(path: str) -> None:
    urls = database_urls(f"postgresql://a:b@db.example:5432{path}", PASSWORDS)
    assert urls.administrator == "postgresql://a:b@db.example:5432/insien_sandbox"


def test_unreachable_database_is_told_without_its_password() -> None:
    urls = database_urls(f"postgresql://admin:hidden@127.0.0.1:{free_port()}/x", PASSWORDS)
    with pytest.raises(StepFailed) as failure:
        prepare_database(urls, PASSWORDS, 0.1)
    assert "127.0.0.1" in str(failure.value)
    assert "hidden" not in str(failure.value)
