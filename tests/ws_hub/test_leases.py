"""Leases in a real Redis."""

import uuid
from collections.abc import AsyncIterator

import pytest_asyncio
import redis.asyncio as redis

from kit import bus
from ws_hub.agent_link import AgentIdentity
from ws_hub.leases import LEASE_SECONDS, Lease, Leases

BOOT = bytes(range(16))


@pytest_asyncio.fixture
async def client(redis_server: str) -> AsyncIterator["redis.Redis"]:
    found = bus.connect(redis_server)
    yield found
    await found.aclose()


@pytest_asyncio.fixture
async def pair(client: "redis.Redis") -> tuple[Leases, Leases]:
    return Leases(client, "a" * 32), Leases(client, "b" * 32)


def identity(sandbox_id: str, generation: int) -> AgentIdentity:
    return AgentIdentity(sandbox_id, generation, BOOT, "v1", 0)


async def test_generation_grows_with_every_taker(pair: tuple[Leases, Leases]) -> None:
    one, other = pair
    sandbox_id = str(uuid.uuid4())
    assert await one.take(sandbox_id, 0, BOOT, "v1") == 1
    assert await other.take(sandbox_id, 0, BOOT, "v1") == 2
    assert await one.take(sandbox_id, 9, BOOT, "v1") == 10
    assert await one.find(sandbox_id) == Lease("a" * 32, 10, BOOT, "v1")


async def test_emptied_redis_never_goes_back(
    pair: tuple[Leases, Leases], client: "redis.Redis"
) -> None:
    one, other = pair
    sandbox_id = str(uuid.uuid4())
    generation = await one.take(sandbox_id, 41, BOOT, "v1")
    await client.delete(f"insien:hub:agent:{sandbox_id}", f"insien:hub:generation:{sandbox_id}")
    assert await other.take(sandbox_id, generation, BOOT, "v1") == 43


async def test_renewal_takes_again_what_was_lost(
    pair: tuple[Leases, Leases], client: "redis.Redis"
) -> None:
    one, _ = pair
    sandbox_id = str(uuid.uuid4())
    generation = await one.take(sandbox_id, 0, BOOT, "v1")
    await client.delete(f"insien:hub:agent:{sandbox_id}", f"insien:hub:generation:{sandbox_id}")
    assert await one.renew([identity(sandbox_id, generation)]) == [True]
    assert (await one.find_many([sandbox_id, str(uuid.uuid4())]))[1] is None
    assert 0 < await client.ttl(f"insien:hub:agent:{sandbox_id}") <= LEASE_SECONDS


async def test_late_renewal_and_release_never_touch_a_newer_holder(
    pair: tuple[Leases, Leases],
) -> None:
    one, other = pair
    sandbox_id = str(uuid.uuid4())
    old = await one.take(sandbox_id, 0, BOOT, "v1")
    new = await other.take(sandbox_id, 0, BOOT, "v1")
    assert await one.renew([identity(sandbox_id, old)]) == [False]
    assert await one.release(sandbox_id, old) is False
    assert await one.renew([identity(sandbox_id, new)]) == [False]
    found = await one.find(sandbox_id)
    assert found is not None
    assert (found.hub_id, found.generation) == ("b" * 32, new)
    assert await other.release(sandbox_id, new) is True
    assert await one.find(sandbox_id) is None
