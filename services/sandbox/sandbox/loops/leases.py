"""Leases: whoever works on a transient state says so, or the reconciler takes it over."""

from sandbox.lifecycle.parts import LEASE_SECONDS, Parts
from sandbox.loops.turning import turn_for_ever
from sandbox.repository import upkeep


async def run(parts: Parts) -> None:
    """Renews the leases of all that this process has in hand, for ever."""

    async def renew() -> None:
        if parts.in_hand.ids:
            async with parts.database.connection() as connection:
                await upkeep.renew(connection, list(parts.in_hand.ids), LEASE_SECONDS)

    await turn_for_ever("leases", renew, LEASE_SECONDS / 4)
