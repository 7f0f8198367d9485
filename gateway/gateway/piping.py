"""Two directions of one conversation."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def both_ways(up: Coroutine[Any, Any, None], down: Coroutine[Any, Any, None]) -> None:
    """Runs both until one ends; the other is cancelled, an error of either is raised."""
    tasks = {asyncio.create_task(up), asyncio.create_task(down)}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
