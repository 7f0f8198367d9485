"""Sightings: who asks at the same moment gets the same answer, and never one of another state."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from sandbox.lifecycle.sightings import Sightings
from sandbox.models import Resources, Sandbox
from sandbox.states import State

RUNNING = Sandbox(
    uuid4(), uuid4(), None, "default", "i", State.RUNNING, 2, Resources(1, 64, 64, 64), "full",
    {}, "", None, None, None, datetime.now(UTC), None, None, None,
)  # fmt: skip


class _Looking:
    def __init__(self) -> None:
        self.looks = 0
        self.sightings: Sightings[int] = Sightings()

    async def _look(self) -> int:
        self.looks += 1
        found = self.looks
        await asyncio.sleep(0)
        return found

    async def at(self, sandbox: Sandbox) -> int:
        return await self.sightings.of(sandbox, self._look)


async def test_many_at_once_are_one_look_and_the_next_is_another() -> None:
    looking = _Looking()
    assert await asyncio.gather(*(looking.at(RUNNING) for _ in range(5))) == [1] * 5
    assert await looking.at(RUNNING) == 2


async def test_a_new_generation_is_looked_at_by_itself() -> None:
    looking = _Looking()
    later = replace(RUNNING, generation=3)
    assert list(await asyncio.gather(looking.at(RUNNING), looking.at(later))) == [1, 2]


async def test_a_failure_is_not_kept() -> None:
    sightings: Sightings[int] = Sightings()

    async def fail() -> int:
        raise OSError

    async def succeed() -> int:
        return 7

    with pytest.raises(OSError):  # noqa: PT011  (its own, not the system's)
        await sightings.of(RUNNING, fail)
    assert await sightings.of(RUNNING, succeed) == 7


async def test_one_who_gives_up_does_not_end_the_look_of_the_others() -> None:
    looking = _Looking()
    first = asyncio.create_task(looking.at(RUNNING))
    second = asyncio.create_task(looking.at(RUNNING))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == 1
