"""PostgreSQL not answering is `unavailable`, whatever the driver calls it."""

import asyncpg
import pytest

from auth.tables.outage import unavailable_when_down
from kit.errors import Unavailable


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InternalClientError("cannot switch to state 12; another operation is in progress"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.AdminShutdownError("terminating connection"),
        ConnectionResetError(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_every_way_to_lose_the_server_is_unavailable(error: Exception) -> None:
    @unavailable_when_down
    async def ask() -> None:
        raise error

    with pytest.raises(Unavailable) as caught:
        await ask()
    assert caught.value.__cause__ is error
