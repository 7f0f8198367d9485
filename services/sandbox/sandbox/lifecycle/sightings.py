"""Looks at a sandbox that many share who ask at the same moment."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar
from uuid import UUID

from sandbox.models import Sandbox

T = TypeVar("T")


class Sightings(Generic[T]):
    """One look at a time at a sandbox of one generation; nothing is kept once it is found."""

    def __init__(self) -> None:
        self._looking: dict[tuple[UUID, int], asyncio.Task[T]] = {}

    async def of(self, sandbox: Sandbox, look: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What `look` finds, or another's look that is under way."""
        key = (sandbox.id, sandbox.generation)
        task = self._looking.get(key)
        if task is None:
            task = self._looking[key] = asyncio.create_task(look())
            task.add_done_callback(lambda _: self._looking.pop(key))
        return await asyncio.shield(task)
