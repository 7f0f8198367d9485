"""Waiting for what will be so, without guessing how long it takes."""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any


async def eventually(probe: Callable[[], Any], seconds: float = 20.0, every: float = 0.01) -> Any:
    """The first truthy answer of the probe; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        found = probe()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        assert time.monotonic() < deadline, "it has not become so in time"
        await asyncio.sleep(every)
