"""Wrong secrets are limited before argon2; right ones go by the cache; Redis may be away."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import bcrypt
import pytest
import pytest_asyncio
import redis.asyncio as redis

from auth import key_format
from auth.attempts import PER_ADDRESS, PER_PREFIX, Attempts
from auth.audit import Audit
from auth.hashing import HashingPool
from auth.key_verification import KeyVerifier, VerifierTools
from auth.keys import Issued, Keys, KeyTools, Owner, Wish
from auth.last_used import LastUsed
from auth.proofs import Proofs
from auth.revocations import Revocations
from auth.soft_redis import SoftRedis
from auth.tables.connection import Pool
from kit.bus import connect
from kit.errors import RateLimited, Unauthenticated
from tests.auth.running_auth import KEY_PEPPER, RunningAuth

PATIENCE = 30.0
"""Seconds: no test depends on how fast Redis answers."""


class CountingPool(HashingPool):
    """The real pool, which tells how often a hash was computed to compare with."""

    def __init__(self) -> None:
        super().__init__()
        self.checks = 0

    async def verify(self, secret: str, stored: str) -> bool:
        self.checks += 1
        return await super().verify(secret, stored)

    async def verify_nothing(self, secret: str, *, legacy: bool) -> None:
        self.checks += 1
        await super().verify_nothing(secret, legacy=legacy)


@dataclass(slots=True)
class World:
    """One process's verifier, with its clock in the test's hands."""

    pool: Pool
    client: "redis.Redis"
    hashing: CountingPool
    now: datetime

    def clock(self) -> datetime:
        return self.now

    def proofs(self) -> Proofs:
        return Proofs(SoftRedis(self.client, PATIENCE), KEY_PEPPER)

    def verifier(self) -> KeyVerifier:
        """A verifier that remembers nothing, as after a restart."""
        attempts = Attempts(SoftRedis(self.client, PATIENCE), self.clock)
        last_used = LastUsed(self.pool, self.clock)
        audit = Audit(self.pool, self.clock)
        tools = VerifierTools(
            self.pool, self.hashing, self.proofs(), attempts, last_used, audit, self.clock
        )
        return KeyVerifier(tools, legacy=True)

    async def issue(self, user_id: str) -> Issued:
        revocations = Revocations(SoftRedis(self.client, PATIENCE))
        audit = Audit(self.pool, self.clock)
        tools = KeyTools(self.pool, self.hashing, self.proofs(), revocations, audit, self.clock)
        return await Keys(tools).issue(Owner(user_id, ""), Wish("test"))


@pytest_asyncio.fixture
async def world(auth: RunningAuth, redis_server: str) -> AsyncIterator[World]:
    """The shared database, and counters of a minute that nobody else is in."""
    client = connect(redis_server)
    hashing = CountingPool()
    shift = timedelta(days=uuid.uuid4().int % 3000)
    yield World(auth.pool, client, hashing, datetime(2020, 1, 1, tzinfo=UTC) + shift)
    hashing.close()
    await client.aclose()


def wrong(prefix: str) -> str:
    """A well-formed key with that prefix and a random secret."""
    body = prefix + key_format.generate()[12:-6]
    return body + key_format.checksum(body)


async def reason(verifier: KeyVerifier, key: str, address: str = "") -> str:
    try:
        await verifier.verify(key, address)
    except Unauthenticated as error:
        return error.reason
    except RateLimited:
        return "rate_limited"
    return ""


async def test_a_new_key_needs_no_argon2_at_first_use(auth: RunningAuth, world: World) -> None:
    issued = await world.issue(await auth.new_user())
    for verifier in (world.verifier(), world.verifier()):
        assert await reason(verifier, issued.secret) == ""
    assert world.hashing.checks == 0


async def test_after_the_cache_is_lost_argon2_runs_once(auth: RunningAuth, world: World) -> None:
    issued = await world.issue(await auth.new_user())
    await world.client.flushdb()
    verifier = world.verifier()
    found = await asyncio.gather(*(reason(verifier, issued.secret) for _ in range(20)))
    assert set(found) == {""}
    assert world.hashing.checks == 1
    assert await reason(world.verifier(), issued.secret) == ""  # another replica
    assert world.hashing.checks == 1


async def test_the_cache_does_not_hold_the_key(auth: RunningAuth, world: World) -> None:
    issued = await world.issue(await auth.new_user())
    for name in await world.client.keys("insien:auth:*"):
        value: bytes | str = b""
        if await world.client.type(name) == b"string":
            value = await world.client.get(name) or b""
        assert issued.secret[12:] not in f"{name!r} {value!r}"


async def test_a_proof_says_nothing_about_a_revoked_key(auth: RunningAuth, world: World) -> None:
    issued = await world.issue(await auth.new_user())
    verifier = world.verifier()
    assert await reason(verifier, issued.secret) == ""
    await world.pool.execute("UPDATE api_keys SET revoked_at = now() WHERE id = $1", issued.key.id)
    for _ in range(PER_PREFIX + 5):  # however often: it is the right secret
        assert await reason(verifier, issued.secret) == "key_revoked"
    assert world.hashing.checks == 0


async def test_wrong_secrets_of_a_real_prefix_are_limited_before_argon2(
    auth: RunningAuth, world: World
) -> None:
    user_id = await auth.new_user()
    issued = await world.issue(user_id)
    verifier = world.verifier()
    keys = [wrong(issued.key.prefix) for _ in range(PER_PREFIX + 5)]
    found = await asyncio.gather(*(reason(verifier, key) for key in keys))
    assert sorted(found) == ["key_secret_wrong"] * PER_PREFIX + ["rate_limited"] * 5
    assert world.hashing.checks == PER_PREFIX
    assert await reason(verifier, issued.secret) == ""  # the right one is known
    sql = "SELECT type FROM audit WHERE user_id = $1 AND type = 'key.refused'"
    assert len(await world.pool.fetch(sql, user_id)) == 1
    world.now += timedelta(minutes=1)
    assert await reason(verifier, wrong(issued.key.prefix)) == "key_secret_wrong"


async def test_an_unknown_prefix_goes_the_same_way(world: World) -> None:
    verifier = world.verifier()
    prefix = key_format.generate()[:12]
    found = [await reason(verifier, wrong(prefix)) for _ in range(PER_PREFIX + 2)]
    assert found == ["key_unknown"] * PER_PREFIX + ["rate_limited"] * 2
    assert world.hashing.checks == PER_PREFIX


async def test_one_address_cannot_try_many_prefixes(world: World) -> None:
    verifier = world.verifier()
    address = f"2001:db8::{uuid.uuid4().hex[:4]}"
    found = [await reason(verifier, key_format.generate(), address) for _ in range(PER_ADDRESS + 1)]
    assert found[-2:] == ["key_unknown", "rate_limited"]
    assert await reason(verifier, key_format.generate(), "198.51.100.200") == "key_unknown"


async def test_the_same_wrong_key_again_costs_nothing(auth: RunningAuth, world: World) -> None:
    issued = await world.issue(await auth.new_user())
    verifier, key = world.verifier(), wrong(issued.key.prefix)
    found = [await reason(verifier, key) for _ in range(PER_PREFIX * 2)]
    assert set(found) == {"key_secret_wrong"}
    assert world.hashing.checks == 1


async def test_a_malformed_key_causes_no_work_at_all(world: World) -> None:
    good = key_format.generate()
    await world.client.flushdb()
    verifier = world.verifier()
    for key in ("isk_", good[:-1], good + "x", good[:-6] + "000000", "isk_" + "é" * 46):
        assert await reason(verifier, key) in ("key_malformed", "key_checksum_wrong")
    assert world.hashing.checks == 0
    assert not await world.client.keys("insien:auth:wrong:*")


async def test_without_redis_keys_go_on_working_and_limits_hold(
    auth: RunningAuth, world: World
) -> None:
    issued = await world.issue(await auth.new_user())
    alone = World(world.pool, connect("redis://127.0.0.1:1/0"), world.hashing, world.now)
    verifier = alone.verifier()
    for _ in range(5):
        assert await reason(verifier, issued.secret) == ""
    assert world.hashing.checks == 1
    found = [await reason(verifier, wrong(issued.key.prefix)) for _ in range(PER_PREFIX + 1)]
    assert found == ["key_secret_wrong"] * PER_PREFIX + ["rate_limited"]
    await alone.client.aclose()


async def legacy_key(auth: RunningAuth, prefix_length: int = 12) -> tuple[str, str]:
    """A key of the earlier product, bcrypt at rest; and its id."""
    key = f"isk_{uuid.uuid4().hex}{uuid.uuid4().hex}"
    stored = bcrypt.hashpw(key.encode(), bcrypt.gensalt(4)).decode()
    sql = (
        "INSERT INTO api_keys (user_id, prefix, key_hash, name, scopes, legacy) "
        "VALUES ($1, $2, $3, 'old', '{sandbox:read,sandbox:write}', true) RETURNING id"
    )
    user_id = await auth.new_user()
    return key, str(await auth.pool.fetchval(sql, user_id, key[:prefix_length], stored))


@pytest.mark.parametrize("prefix_length", [12, 8, 4])
async def test_a_key_of_the_earlier_product_works_and_is_rehashed_at_first_use(
    auth: RunningAuth, world: World, prefix_length: int
) -> None:
    key, key_id = await legacy_key(auth, prefix_length)
    verifier = world.verifier()
    for _ in range(2):
        assert (await verifier.verify(key, "")).key_id == key_id
    stored = await world.pool.fetchval("SELECT key_hash FROM api_keys WHERE id = $1", key_id)
    assert stored.startswith("$argon2id$")
    await world.client.flushdb()
    assert (await world.verifier().verify(key, "")).key_id == key_id
    await world.pool.execute("DELETE FROM api_keys WHERE id = $1", key_id)


async def test_a_wrong_key_of_the_earlier_product_is_refused(
    auth: RunningAuth, world: World
) -> None:
    key, key_id = await legacy_key(auth)
    twin = key[:-1] + ("0" if key[-1] != "0" else "1")
    assert await reason(world.verifier(), twin) == "key_secret_wrong"
    assert await reason(world.verifier(), f"isk_{'f' * 64}") == "key_unknown"
    await world.pool.execute("DELETE FROM api_keys WHERE id = $1", key_id)
