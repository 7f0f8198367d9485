"""PostgreSQL not answering is `unavailable`, safe to retry, and no defect of ours."""

import functools
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

import asyncpg

from kit.errors import Unavailable

P = ParamSpec("P")
T = TypeVar("T")

DOWN = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server is saying goodbye on this very connection
    OSError,
    TimeoutError,
)
"""What the driver raises when the server is gone, going, full or silent."""


def unavailable_when_down(function: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """The function, raising Unavailable instead of the driver's errors about the connection."""

    @functools.wraps(function)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await function(*args, **kwargs)
        except DOWN as error:
            raise Unavailable("The database does not answer.", retry_after=1) from error

    return guarded
