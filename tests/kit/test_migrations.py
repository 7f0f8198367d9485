"""Migrations: each once, in order, by one runner at a time."""

import asyncio

import asyncpg
import pytest

from kit import migrations
from kit.database import connect
from kit.migrations import Migration

STEPS = [
    Migration(1, "0001_things.sql", "CREATE TABLE demo.things (id int PRIMARY KEY)"),
    Migration(2, "0002_first.sql", "INSERT INTO demo.things VALUES (1)"),
]


async def test_each_migration_is_applied_once_however_many_run_at_once(database_url: str) -> None:
    pool = await connect(database_url, schema="demo")
    applied = await asyncio.gather(*(migrations.apply(pool, "demo", STEPS) for _ in range(5)))
    assert sorted(map(len, applied)) == [0, 0, 0, 0, 2]
    assert await pool.fetchval("SELECT count(*) FROM demo.things") == 1
    await pool.close()


async def test_a_migration_that_fails_leaves_nothing_behind(database_url: str) -> None:
    pool = await connect(database_url, schema="demo")
    bad = [*STEPS, Migration(3, "0003_bad.sql", "INSERT INTO demo.things VALUES (2), (1)")]
    with pytest.raises(asyncpg.UniqueViolationError):
        await migrations.apply(pool, "demo", bad)
    assert await pool.fetchval("SELECT count(*) FROM demo.things") == 1
    assert await migrations.apply(pool, "demo", STEPS) == []
    await pool.close()


def test_the_migrations_of_the_services_are_numbered_without_a_gap() -> None:
    for package in ("auth", "sandbox"):
        assert migrations.find(package)
