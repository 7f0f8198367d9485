"""Lookups that are asked together are answered by one query, never by one that began before."""

import asyncio
from collections.abc import Sequence

import pytest

from auth.batches import AT_ONCE, Batches


class FakeTable:
    """Answers when it is let; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.open = asyncio.Event()
        self.value = 1

    async def load(self, keys: Sequence[str]) -> dict[str, int]:
        self.asked.append(list(keys))
        value = self.value
        await self.open.wait()
        return {key: value for key in keys if key != "missing"}


async def test_lookups_at_once_make_one_query() -> None:
    table = FakeTable()
    table.open.set()
    batches = Batches(table.load)
    found = await asyncio.gather(*(batches.get(key) for key in ("a", "b", "a", "missing")))
    assert found == [1, 1, 1, None]
    assert table.asked == [["a", "b", "missing"]]


async def test_an_answer_is_never_older_than_its_question() -> None:
    table = FakeTable()
    batches = Batches(table.load)
    first = asyncio.create_task(batches.get("a"))
    while not table.asked:  # noqa: ASYNC110  (one turn of the loop)
        await asyncio.sleep(0)
    table.value = 2
    second = asyncio.create_task(batches.get("a"))
    await asyncio.sleep(0)
    table.open.set()
    assert (await first, await second) == (1, 2)


async def test_queries_at_a_time_are_bounded() -> None:
    table = FakeTable()
    batches = Batches(table.load)
    tasks = []
    for number in range(10):
        tasks.append(asyncio.create_task(batches.get(str(number))))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert len(table.asked) == AT_ONCE
    table.open.set()
    await asyncio.gather(*tasks)
    assert len(table.asked) == AT_ONCE + 1


async def test_a_failure_reaches_all_who_asked_and_nobody_later() -> None:
    down = True

    async def load(keys: Sequence[str]) -> dict[str, int]:
        if down:
            raise OSError("down")
        return dict.fromkeys(keys, 1)

    batches = Batches(load)
    found = await asyncio.gather(batches.get("a"), batches.get("b"), return_exceptions=True)
    assert [type(one) for one in found] == [OSError, OSError]
    down = False
    assert await batches.get("a") == 1


async def test_someone_who_leaves_takes_nobody_along() -> None:
    table = FakeTable()
    batches = Batches(table.load)
    leaving, staying = (asyncio.create_task(batches.get("a")) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    table.open.set()
    assert await staying == 1
    with pytest.raises(asyncio.CancelledError):
        await leaving
