"""What Redis tells this replica of: agents elsewhere, sandboxes that changed, credentials revoked.

Channels: `insien:hub:agents` (see `leases`); `insien:sandbox:events`, JSON
`{"sandboxId","userId","type","state","at"}`; `insien:auth:revocations`, JSON
`{"keyId"?,"userId"?,"digest"?}`.
"""

from typing import Any

from ws_hub import agent_care
from ws_hub.agent_care import parse_news
from ws_hub.agent_door import AgentDoor
from ws_hub.client_door import ClientDoor
from ws_hub.leases import AGENTS_CHANNEL
from ws_hub.sandboxes import CLOSING, Sandboxes

EVENTS_CHANNEL = "insien:sandbox:events"
REVOCATIONS_CHANNEL = "insien:auth:revocations"


class News:
    """Hands each piece of news to whom it concerns."""

    def __init__(self, agents: AgentDoor, clients: ClientDoor, sandboxes: Sandboxes) -> None:
        self._agents = agents
        self._clients = clients
        self._sandboxes = sandboxes

    async def receive(self, channel: str, message: bytes) -> None:
        """One message."""
        document = parse_news(message)
        if channel == AGENTS_CHANNEL:
            if document.get("event") == "let_go":
                self.let_go(str(document.get("sandboxId")), str(document.get("reason")))
            else:
                agent_care.heed_news(self._agents, document)
        elif channel == EVENTS_CHANNEL:
            self._sandbox_changed(document)
        elif channel == REVOCATIONS_CHANNEL:
            self._clients.revoke(document)

    def _sandbox_changed(self, document: dict[str, Any]) -> None:
        sandbox_id = str(document.get("sandboxId"))
        self._sandboxes.forget(sandbox_id)
        state = str(document.get("state"))
        if state in CLOSING:
            self._clients.end_sandbox(sandbox_id, state)

    def let_go(self, sandbox_id: str, reason: str) -> None:
        """Ends the sockets of a sandbox that is over, here."""
        self._sandboxes.forget(sandbox_id)
        self._clients.end_sandbox(sandbox_id, reason)
        link = self._agents.roster.get(sandbox_id)
        if link is not None:
            self._agents.dismiss(link, "destroyed")

    def gap(self) -> None:
        """News may be missing."""
        self._sandboxes.forget_all()
