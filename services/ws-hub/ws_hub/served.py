"""A stream that another replica has with an agent here."""

from typing import Protocol

from wire.agent.v1.agent_pb2 import FromAgent, Open, ToAgent
from ws_hub import envelope
from ws_hub.agent_link import AgentLink
from ws_hub.envelope import Envelope, Kind
from ws_hub.post import Post


class Home(Protocol):
    """What a served stream needs of the relay."""

    hub_id: str
    post: Post

    def unserve(self, channel: bytes) -> None:
        """It is over."""


class Served:
    """Takes the agent's frames for the other replica, and the other's frames for the agent."""

    __slots__ = ("_home", "_ident", "_link", "_received", "_sent", "channel", "hub_id")

    def __init__(self, home: Home, hub_id: str, channel: bytes) -> None:
        self._home = home
        self.hub_id = hub_id
        self.channel = channel
        self._link: AgentLink | None = None
        self._ident = 0
        self._sent = 0
        self._received = 1  # OPEN was number 0.

    def begin(self, link: AgentLink, request: Open) -> None:
        """Opens the stream at the agent. Raises LinkLost, Capacity."""
        self._ident = link.attach(request, self)
        self._link = link

    def take(self, number: int, payload: bytes) -> bool:
        """A ToAgent of the other replica; False when one before it is missing."""
        if number != self._received:
            return False
        self._received += 1
        if self._link is not None:
            frame = ToAgent.FromString(payload)
            frame.stream = self._ident
            self._link.post(frame)
            if frame.HasField("cancel"):
                self._link.forget(self._ident)
                self._home.unserve(self.channel)
        return True

    def deliver(self, frame: FromAgent, kind: str) -> None:
        """A checked frame of the agent."""
        if kind == "end":
            self._home.unserve(self.channel)
        self._tell(Kind.FROM_AGENT, frame.SerializeToString())

    def lose(self, reason: str) -> None:
        """The agent's connection is gone, or never was."""
        self._home.unserve(self.channel)
        self._tell(Kind.LOST, reason.encode()[:200])

    def give_up(self, reason: str) -> None:
        """What was said between the replicas has a hole."""
        self.abandon()
        self._tell(Kind.LOST, reason.encode())

    def abandon(self) -> None:
        """The other replica is gone; a process that it started runs on."""
        self._home.unserve(self.channel)
        if self._link is not None:
            frame = ToAgent(stream=self._ident)
            frame.cancel.kill = False
            self._link.post(frame)
            self._link.forget(self._ident)

    def _tell(self, kind: Kind, payload: bytes) -> None:
        message = Envelope(kind, self._home.hub_id, self.channel, self._sent, payload)
        self._sent += 1
        self._home.post.send(self.hub_id, envelope.pack(message))
