"""When keys were last used: collected in memory, written every few seconds."""

import asyncio
import logging
from datetime import datetime

from auth.clock import Clock
from auth.tables import api_keys
from auth.tables.connection import Pool
from auth.tables.outage import DOWN

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 3.0


class LastUsed:
    """Uses not yet written; at most one for each key."""

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._uses: dict[str, datetime] = {}

    def touch(self, key_id: str) -> None:
        """The key was used now."""
        self._uses[key_id] = self._clock()

    async def flush(self) -> None:
        """Writes what there is; what cannot be written is tried again with the next."""
        uses, self._uses = self._uses, {}
        if not uses:
            return
        try:
            await api_keys.used(self._pool, uses)
        except DOWN as error:
            self._uses = uses | self._uses
            logger.warning("last uses are not written: %s", error)

    async def flush_forever(self) -> None:
        """Writes every 3 s, and once more when it is cancelled."""
        try:
            while True:
                await asyncio.sleep(FLUSH_SECONDS)
                await self.flush()
        finally:
            await self.flush()
