"""Plain SQL migrations: `NNNN_name.sql` in order, each once, by one runner at a time."""

import logging
import re
import zlib
from dataclasses import dataclass
from importlib.resources import files

import asyncpg

logger = logging.getLogger(__name__)

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step: its number, file name and SQL."""

    number: int
    name: str
    sql: str


def find(package: str) -> list[Migration]:
    """The migrations in `<package>/migrations`, in order; numbers are 1, 2, 3, … without a gap."""
    found = [
        Migration(int(match[1]), entry.name, entry.read_text("utf-8"))
        for entry in files(package).joinpath("migrations").iterdir()
        if (match := _NAME.fullmatch(entry.name))
    ]
    found.sort(key=lambda migration: migration.number)
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise ValueError(f"the migrations of {package} are not numbered 1, 2, 3, …")
    return found


async def apply(pool: asyncpg.Pool, schema: str, migrations: list[Migration]) -> list[str]:
    """Applies what is missing in `schema` (made when it is not there); returns the names applied.

    Safe to call from any number of processes at once: an advisory lock lets one through at a time.
    """
    applied: list[str] = []
    async with pool.acquire() as connection:
        lock = zlib.crc32(f"insien:migrations:{schema}".encode())
        await connection.execute("SELECT pg_advisory_lock($1)", lock)
        try:
            exists = await connection.fetchval("SELECT to_regnamespace($1) IS NOT NULL", schema)
            if not exists:
                await connection.execute(f'CREATE SCHEMA "{schema}"')
            await connection.execute(
                f'CREATE TABLE IF NOT EXISTS "{schema}".migrations '
                "(number int PRIMARY KEY, name text NOT NULL, "
                "applied_at timestamptz NOT NULL DEFAULT now())"
            )
            rows = await connection.fetch(f'SELECT number FROM "{schema}".migrations')
            done = {row["number"] for row in rows}
            for migration in migrations:
                if migration.number not in done:
                    await _apply_one(connection, schema, migration)
                    applied.append(migration.name)
        finally:
            await connection.execute("SELECT pg_advisory_unlock($1)", lock)
    return applied


async def _apply_one(
    connection: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]",
    schema: str,
    migration: Migration,
) -> None:
    async with connection.transaction():
        await connection.execute(migration.sql)
        await connection.execute(
            f'INSERT INTO "{schema}".migrations (number, name) VALUES ($1, $2)',
            migration.number,
            migration.name,
        )
    logger.info("migrated", extra={"migration": migration.name})
