"""The way to an agent, wherever its socket is: in this replica or in another one."""

from typing import Protocol

from wire.agent.v1.agent_pb2 import Open
from ws_hub.stream import Stream


class LinkLost(Exception):
    """There is no way to the agent any more."""


class Link(Protocol):
    """Two implementations: `agent_link.AgentLink` (local) and `relay.RemoteLink`."""

    @property
    def boot_id(self) -> bytes:
        """Which run of the agent this is; another one knows no process of this one."""

    def open(self, request: Open) -> Stream:
        """Opens a stream. Raises LinkLost, or Capacity when the agent has too many open."""
