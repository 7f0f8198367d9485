"""The database of the platform: one role and one schema per service, made by an administrator."""

import asyncio
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from infra.stack.errors import StepFailed
from infra.stack.postgres import DATABASE

OWNERS = {"auth": "insien_auth", "sandbox": "insien_sandbox"}
EARLIER_TABLES = ("users", "api_keys", "sandboxes")
"""Tables of the earlier product in `public`, read by the services' migrations."""
RETRY = (OSError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError, TimeoutError)


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """`administrator` for tools and tests; each service connects as its own role."""

    administrator: str
    services: dict[str, str]


def database_urls(administrator: str, passwords: dict[str, str]) -> DatabaseUrls:
    """The URLs of one database. An administrator's URL without a database means ours."""
    parts = urlsplit(administrator)
    if parts.path in {"", "/", "/postgres"}:
        parts = parts._replace(path=f"/{DATABASE}")
    host = parts.netloc.rpartition("@")[2]
    secret = {schema: quote(password, safe="") for schema, password in passwords.items()}
    services = {
        schema: urlunsplit(parts._replace(netloc=f"{role}:{secret[schema]}@{host}"))
        for schema, role in OWNERS.items()
    }
    return DatabaseUrls(urlunsplit(parts), services)


def prepare_database(urls: DatabaseUrls, passwords: dict[str, str], seconds: float) -> None:
    """Make or mend the database, roles and schemas; waits for a server that is starting.

    Raises StepFailed with the server's words when the administrator's URL does not work.
    """
    try:
        asyncio.run(_prepare(urls, passwords, seconds))
    except (asyncpg.PostgresError, OSError, TimeoutError) as error:
        shown = urlsplit(urls.administrator).netloc.rpartition("@")[2]
        raise StepFailed(f"PostgreSQL at {shown}", f"{type(error).__name__}: {error}") from error


async def _prepare(urls: DatabaseUrls, passwords: dict[str, str], seconds: float) -> None:
    parts = urlsplit(urls.administrator)
    name = parts.path.lstrip("/")
    await _make_database(urlunsplit(parts._replace(path="/postgres")), name, seconds)
    connection = await asyncpg.connect(urls.administrator, timeout=10)
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(7305410)")
            for schema, role in OWNERS.items():
                await _make_owner(connection, schema, role, passwords[schema])
            await _open_earlier_tables(connection)
    finally:
        await connection.close()


async def _connect(url: str, seconds: float) -> "asyncpg.Connection[asyncpg.Record]":
    """A connection, as soon as the server takes one."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        try:
            return await asyncpg.connect(url, timeout=5)
        except RETRY:
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(0.05)


async def _make_database(url: str, name: str, seconds: float) -> None:
    connection = await _connect(url, seconds)
    try:
        if await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            return
        await connection.execute(f"CREATE DATABASE {_identifier(name)}")
        await connection.execute(f"REVOKE ALL ON DATABASE {_identifier(name)} FROM PUBLIC")
    finally:
        await connection.close()


async def _make_owner(
    connection: "asyncpg.Connection[asyncpg.Record]", schema: str, role: str, password: str
) -> None:
    database = _identifier(await connection.fetchval("SELECT current_database()"))
    known = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role)
    verb = "ALTER" if known else "CREATE"
    secret = password.replace("'", "''")
    await connection.execute(f"{verb} ROLE {role} LOGIN PASSWORD '{secret}'")
    # Without membership only a superuser may give the schema away.
    await connection.execute(f"GRANT {role} TO CURRENT_USER")
    await connection.execute(f"GRANT CONNECT ON DATABASE {database} TO {role}")
    await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {role}")


async def _open_earlier_tables(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    for table in EARLIER_TABLES:
        if await connection.fetchval("SELECT to_regclass($1)", f"public.{table}") is not None:
            for role in OWNERS.values():
                await connection.execute(f"GRANT SELECT ON public.{table} TO {role}")


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
