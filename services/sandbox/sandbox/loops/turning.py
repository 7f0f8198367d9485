"""Turning: a loop that survives what a turn of it meets."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from kit.errors import Failure
from sandbox.errors import RuntimeFailed, StateChanged

logger = logging.getLogger(__name__)

LEAST_SECONDS = 0.2
AT_ONCE = 4

T = TypeVar("T")


async def turn_for_ever(
    name: str,
    turn: Callable[[], Awaitable[None]],
    seconds: float,
    wake: asyncio.Event | None = None,
) -> None:
    """A turn, then a pause of so many seconds or until woken, and so on; failures are logged."""
    while True:
        await attempt(name, turn())
        await asyncio.sleep(min(LEAST_SECONDS, seconds))
        if wake is None:
            await asyncio.sleep(seconds)
            continue
        try:
            async with asyncio.timeout(seconds):
                await wake.wait()
        except TimeoutError:
            continue
        finally:
            wake.clear()


async def attempt(name: str, work: Awaitable[None]) -> bool:
    """Whether the work was done; what went wrong is logged, and there will be a next turn."""
    try:
        await work
    except StateChanged:
        return False
    except (RuntimeFailed, Failure, TimeoutError) as error:
        logger.warning("%s: %s", name, error)
        return False
    except Exception:
        # A defect in one turn must not end the loop: nothing would be cleaned up any more.
        logger.exception("%s: defect", name)
        return False
    return True


async def each(name: str, items: Iterable[T], act: Callable[[T], Awaitable[None]]) -> None:
    """Acts on all, a few at once; one that fails does not keep the others from it."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(item: T) -> None:
        async with slots:
            await attempt(name, act(item))

    await asyncio.gather(*(one(item) for item in items))
