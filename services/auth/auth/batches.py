"""Lookups by key, asked one by one and answered together.

Each lookup is part of a query that began after it was asked, so an answer is as fresh as if it had
been asked alone; under load one query serves many.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

V = TypeVar("V")

AT_ONCE = 2
"""Queries under way at a time; what is asked meanwhile waits for the next."""

Load = Callable[[Sequence[str]], Awaitable[Mapping[str, V]]]


class Batches(Generic[V]):
    """Gathers lookups; `load` answers many keys, leaving out those that are not there."""

    def __init__(self, load: Load[V]) -> None:
        self._load = load
        self._waiting: dict[str, asyncio.Future[V | None]] = {}
        self._queries: set[asyncio.Task[None]] = set()
        self._gathering = False

    async def get(self, key: str) -> V | None:
        """The value, or `None`. Raises what `load` raises."""
        future = self._waiting.get(key)
        if future is None:
            future = asyncio.get_running_loop().create_future()
            self._waiting[key] = future
            self._start()
        return await asyncio.shield(future)

    def _start(self) -> None:
        if self._waiting and not self._gathering and len(self._queries) < AT_ONCE:
            self._gathering = True
            query = asyncio.create_task(self._query())
            self._queries.add(query)
            query.add_done_callback(self._finished)

    def _finished(self, query: "asyncio.Task[None]") -> None:
        self._queries.discard(query)
        self._start()

    async def _query(self) -> None:
        waiting, self._waiting, self._gathering = self._waiting, {}, False
        try:
            found = await self._load(list(waiting))
        except Exception as error:  # noqa: BLE001  (handed to whoever asked)
            for future in waiting.values():
                future.set_exception(error)
                future.exception()  # somebody may have stopped waiting
        else:
            for key, future in waiting.items():
                future.set_result(found.get(key))
