"""Connections are bounded, shared and replaced."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from gateway.http1 import fetch
from gateway.http1.dialer import Dialer
from gateway.http1.pool import Pool
from kit.errors import Unavailable
from tests.gateway.fake_service import FakeService, serving


@contextlib.asynccontextmanager
async def pooled(size: int, idle: float = 4.0) -> AsyncIterator[tuple[Pool, FakeService]]:
    service = FakeService()
    async with serving(service.app(), service.port):
        pool = Pool("service", Dialer("service", service.url).dial, size, idle)
        yield pool, service
        pool.close()


async def test_a_connection_is_used_again() -> None:
    async with pooled(2) as (pool, _):
        first = await pool.acquire()
        pool.release(first)
        assert await pool.acquire() is not first  # it carried nothing: not known to be good
        status, _ = await fetch.get(pool, b"a", b"/readyz", seconds=5)
        assert status == 200
        again = await pool.acquire()
        assert again.used == 1
        pool.release(again)


async def test_who_finds_all_busy_waits_for_one() -> None:
    async with pooled(1) as (pool, _):
        first = await pool.acquire()
        second = asyncio.create_task(pool.acquire())
        third = asyncio.create_task(pool.acquire())
        await asyncio.sleep(0)
        third.cancel()
        pool.release(first)
        connection = await asyncio.wait_for(second, 5)
        pool.release(connection)
        assert pool.unused


async def test_too_many_who_wait_are_refused() -> None:
    async with pooled(1) as (pool, _):
        first = await pool.acquire()
        waiting = [asyncio.create_task(pool.acquire()) for _ in range(4)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await pool.acquire()
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        pool.release(first)


async def test_what_is_idle_for_too_long_is_closed() -> None:
    async with pooled(2, idle=0.0) as (pool, _):
        await fetch.get(pool, b"a", b"/readyz", seconds=5)
        assert not pool.unused
        await asyncio.sleep(0.01)
        pool.sweep()
        assert pool.unused


async def test_a_fresh_one_makes_room_for_itself() -> None:
    async with pooled(1) as (pool, _):
        await fetch.get(pool, b"a", b"/readyz", seconds=5)
        fresh = await pool.acquire(fresh=True)
        assert fresh.used == 0
        pool.release(fresh)


async def test_a_name_that_nobody_knows_is_unavailable() -> None:
    pool = Pool("nobody", Dialer("nobody", "http://nobody.invalid:1").dial)
    with pytest.raises(Unavailable):
        await pool.acquire()
