"""Finds the way to an agent: the socket of this replica, else the replica that has the lease."""

import logging
import time
from collections.abc import Callable

import redis.asyncio as redis

from ws_hub.errors import AgentDisconnected
from ws_hub.leases import Lease, Leases
from ws_hub.link import Link
from ws_hub.roster import Roster

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25
"""News of an agent may be lost on the way; the lease is looked up this often while one waits."""

Remote = Callable[[str, Lease], Link]


class Directory:
    """Where every agent is."""

    def __init__(self, roster: Roster, leases: Leases, remote: Remote) -> None:
        self._roster = roster
        self._leases = leases
        self._remote = remote

    async def find(self, sandbox_id: str) -> Link | None:
        """The link to an agent, or None when it is not connected as far as one can tell."""
        local = self._roster.get(sandbox_id)
        if local is not None:
            return local
        lease = await self.lease(sandbox_id)
        if lease is None or lease.hub_id == self._leases.hub_id:
            return self._roster.get(sandbox_id)
        return self._remote(sandbox_id, lease)

    async def lease(self, sandbox_id: str) -> Lease | None:
        """The lease in Redis; None also while Redis is away."""
        try:
            return await self._leases.find(sandbox_id)
        except (redis.RedisError, OSError) as error:
            logger.warning("leases cannot be read: %s", error)
            return None

    async def wait(self, sandbox_id: str, seconds: float) -> Link:
        """The link, waiting for the agent if need be. Raises AgentDisconnected."""
        deadline = time.monotonic() + seconds
        while True:
            link = await self.find(sandbox_id)
            if link is not None:
                return link
            left = deadline - time.monotonic()
            if left <= 0:
                raise AgentDisconnected()
            await self._roster.news(sandbox_id, min(left, POLL_SECONDS))
