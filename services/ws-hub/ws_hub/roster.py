"""The agents connected to this replica, and those who wait for one to connect."""

import asyncio
from collections.abc import Iterator

from ws_hub.agent_link import AgentLink


class Roster:
    """Local links by sandbox; a newer generation takes the place of an older one."""

    def __init__(self) -> None:
        self._links: dict[str, AgentLink] = {}
        self._waiters: dict[str, set[asyncio.Future[None]]] = {}

    def __len__(self) -> int:
        return len(self._links)

    def __iter__(self) -> Iterator[AgentLink]:
        return iter(list(self._links.values()))

    def get(self, sandbox_id: str) -> AgentLink | None:
        """The local link of a sandbox's agent."""
        return self._links.get(sandbox_id)

    def add(self, link: AgentLink) -> AgentLink | None:
        """Enters a link and wakes who waits; returns the older one that it replaces."""
        sandbox_id = link.identity.sandbox_id
        older = self._links.get(sandbox_id)
        self._links[sandbox_id] = link
        self.stir(sandbox_id)
        return older

    def remove(self, link: AgentLink) -> bool:
        """Strikes a link out; False when a newer one stands in its place."""
        if self._links.get(link.identity.sandbox_id) is not link:
            return False
        del self._links[link.identity.sandbox_id]
        return True

    def stir(self, sandbox_id: str) -> None:
        """Wakes who waits for news of an agent, here or elsewhere."""
        for waiter in self._waiters.get(sandbox_id, ()):
            if not waiter.done():
                waiter.set_result(None)

    async def news(self, sandbox_id: str, seconds: float) -> None:
        """Returns at the next news of this agent, or after `seconds`."""
        waiter = asyncio.get_running_loop().create_future()
        waiters = self._waiters.setdefault(sandbox_id, set())
        waiters.add(waiter)
        try:
            await asyncio.wait([waiter], timeout=seconds)
        finally:
            waiters.discard(waiter)
            if not waiters:
                self._waiters.pop(sandbox_id, None)
