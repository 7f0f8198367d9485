"""The hashing pool: bounded, off the loop, and honest about old hashes."""

import asyncio

import argon2
import bcrypt
import pytest

from auth.hashing import WAITING, HashingPool
from kit.errors import Unavailable


async def test_a_hash_verifies_its_own_secret_only() -> None:
    pool = HashingPool(1)
    stored = await pool.hash("right")
    assert await pool.verify("right", stored)
    assert not await pool.verify("wrong", stored)
    assert not pool.outdated(stored)
    pool.close()


async def test_old_hashes_verify_and_are_told() -> None:
    pool = HashingPool(1)
    old = [
        bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode(),
        bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode().replace("$2b$", "$2a$"),
        argon2.PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash("right"),
    ]
    for stored in old:
        assert await pool.verify("right", stored)
        assert not await pool.verify("wrong", stored)
        assert pool.outdated(stored)
    pool.close()


@pytest.mark.parametrize("stored", ["", "rubbish", "$argon2id$", "$2b$04$short"])
async def test_a_broken_hash_verifies_nothing(stored: str) -> None:
    pool = HashingPool(1)
    assert not await pool.verify("right", stored)
    pool.close()


async def test_what_waits_is_bounded() -> None:
    pool = HashingPool(1)
    tries = [pool.verify_nothing("x", legacy=False) for _ in range(WAITING + 3)]
    found = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(one, Unavailable) for one in found) == 3
    await pool.verify_nothing("x", legacy=True)
    pool.close()
