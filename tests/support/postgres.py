"""An embedded PostgreSQL for a test run, and an empty database for whoever asks."""

import contextlib
import secrets
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg

from infra.stack import postgres
from infra.stack.unprivileged import run_as
from tests.support.servers import free_port, running


@contextlib.contextmanager
def server(folder: Path) -> Iterator[str]:
    """A PostgreSQL server with its data in `folder`; yields the administrator's URL."""
    who, password, port = run_as(), secrets.token_hex(8), free_port()
    data = folder / "postgres"
    who.own(data)
    secret = folder / "password"
    secret.write_text(password)
    secret.chmod(0o644)
    binaries = postgres.binaries()
    initdb = [str(binaries / "initdb"), "-D", str(data), "-U", "tests", f"--pwfile={secret}"]
    initdb += ["-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync"]
    subprocess.run(
        who.command(initdb, signal.SIGKILL, [data, secret, binaries / "initdb"]),
        check=True,
        capture_output=True,
        cwd="/",
    )
    options = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "dynamic_shared_memory_type": "mmap",
        "max_connections": "300",
        "fsync": "off",
    }
    argv = [str(binaries / "postgres"), "-D", str(data), "-p", str(port)]
    for name, value in options.items():
        argv += ["-c", f"{name}={value}"]
    command = who.command(argv, signal.SIGQUIT, [data, binaries / "postgres"])
    with running(command, folder / "postgres.log", port=port, stop=signal.SIGINT):
        yield f"postgresql://tests:{password}@127.0.0.1:{port}/postgres"


@contextlib.asynccontextmanager
async def database(administrator: str) -> AsyncIterator[str]:
    """An empty database on that server; yields its URL, dropped at the end."""
    name = f"t_{secrets.token_hex(6)}"
    base = administrator.rpartition("/")[0]
    await _run(administrator, f"CREATE DATABASE {name}")
    try:
        yield f"{base}/{name}"
    finally:
        await _run(administrator, f"DROP DATABASE {name} WITH (FORCE)")


async def _run(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url, timeout=60)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()
