"""What webhooks missed is found: profiles, changes and deletions at Clerk."""

import uuid
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import asyncpg
import pytest
import pytest_asyncio
import redis.asyncio as redis

from auth.audit import Audit
from auth.clerk_api import ClerkApi, client
from auth.clock import utcnow
from auth.departures import Departures
from auth.reconcile import RECHECK_AFTER, SUSPICIOUS, Reconciler
from auth.revocations import Revocations
from auth.soft_redis import SoftRedis
from auth.tables import users
from auth.tables.connection import Pool
from auth.tables.users import Profile
from kit.database import connect
from kit.errors import Unavailable
from kit.migrations import apply, find
from tests.auth.dev_clerk import SECRET_KEY, DevClerk


class FakeSandboxes:
    """Notes whose sandboxes are to be destroyed; may be down."""

    def __init__(self) -> None:
        self.destroyed: list[str] = []
        self.down = False

    async def destroy_owned(self, user_id: str) -> None:
        if self.down:
            raise Unavailable("down")
        self.destroyed.append(user_id)


@pytest_asyncio.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """A database with the schema and nobody in it."""
    pool = await connect(database_url, schema="auth")
    await apply(pool, "auth", find("auth"))
    yield pool
    await pool.close()


@pytest.fixture
def sandboxes() -> FakeSandboxes:
    """A sandbox service."""
    return FakeSandboxes()


@pytest_asyncio.fixture
async def reconciler(
    pool: Pool, redis_server: str, clerk: DevClerk, sandboxes: FakeSandboxes
) -> AsyncIterator[Reconciler]:
    """A reconciler that finds everyone due for a check."""

    def late() -> datetime:
        return utcnow() + RECHECK_AFTER + timedelta(minutes=1)

    async with client(clerk.url, SECRET_KEY) as http, redis.Redis.from_url(redis_server) as bus:
        audit = Audit(pool, utcnow)
        departures = Departures(pool, Revocations(SoftRedis(bus)), sandboxes, audit, utcnow)
        yield Reconciler(pool, ClerkApi(http), departures, late)


async def add(pool: Pool, clerk_id: str, *, complete: bool = True) -> str:
    """A user of ours; complete when a profile was read once, long ago."""
    at = utcnow() - timedelta(days=1) if complete else None
    await users.insert(pool, Profile(clerk_id, None, None, None, None, None, None, at), utcnow())
    user = await users.by_clerk_id(pool, clerk_id)
    assert user is not None
    return user.id


async def test_missed_changes_are_read(pool: Pool, reconciler: Reconciler, clerk: DevClerk) -> None:
    ids = []
    for complete in (True, False):
        clerk_id = clerk.user(f"{uuid.uuid4().hex}@example.com", firstName="Ada")
        ids.append(await add(pool, clerk_id, complete=complete))
    await reconciler.run_once()
    for user_id in ids:
        user = await users.by_id(pool, user_id)
        assert user is not None
        assert user.first_name == "Ada"
        assert user.clerk_updated_at is not None


async def test_a_missed_deletion_is_made_up_for(
    pool: Pool, reconciler: Reconciler, clerk: DevClerk, sandboxes: FakeSandboxes
) -> None:
    clerk_id = clerk.user(f"{uuid.uuid4().hex}@example.com")
    user_id = await add(pool, clerk_id)
    clerk.backend("DELETE", f"/v1/users/{clerk_id}")
    sandboxes.down = True
    await reconciler.run_once()
    user = await users.by_id(pool, user_id)
    assert user is not None
    assert user.deleted_at is not None
    assert await users.departing(pool, 10) == [user_id]
    sandboxes.down = False
    await reconciler.run_once()
    assert sandboxes.destroyed == [user_id]
    assert await users.departing(pool, 10) == []


async def test_whom_clerk_never_knew_is_left_alone(pool: Pool, reconciler: Reconciler) -> None:
    user_id = await add(pool, "user_of_another_instance", complete=False)
    await reconciler.run_once()
    user = await users.by_id(pool, user_id)
    assert user is not None
    assert user.deleted_at is None


async def test_nobody_is_deleted_when_clerk_knows_none(pool: Pool, reconciler: Reconciler) -> None:
    for number in range(SUSPICIOUS):
        await add(pool, f"user_{number}")
    await reconciler.run_once()
    assert await pool.fetchval("SELECT count(*) FROM users WHERE deleted_at IS NOT NULL") == 0


async def test_nothing_is_concluded_while_clerk_is_down(
    pool: Pool, reconciler: Reconciler, clerk: DevClerk
) -> None:
    user_id = await add(pool, "user_gone")
    clerk.post("/dev/down", {"seconds": 60})
    try:
        await reconciler.run_once()
    finally:
        clerk.post("/dev/down", {"seconds": 0})
    user = await users.by_id(pool, user_id)
    assert user is not None
    assert user.deleted_at is None


async def test_one_replica_at_a_time(pool: Pool, reconciler: Reconciler, database_url: str) -> None:
    user_id = await add(pool, "user_gone")
    other = await asyncpg.connect(database_url)
    await other.execute("SELECT pg_advisory_lock($1)", 0x1A5E0001)
    await reconciler.run_once()
    user = await users.by_id(pool, user_id)
    assert user is not None
    assert user.deleted_at is None
    await other.close()
