"""Streams to agents whose sockets other replicas hold, and the streams that others have here.

A `RemoteLink` sends frames to the holder's inbox; the holder (`_Served`) checks and forwards them.
Credit runs from end to end, so neither replica holds more than the stream's window. A gap in a
channel's numbers, a replica that is silent for 10 s or not there at all, and a gap in the
subscription end the streams concerned with `StreamLost`; whoever follows a process resumes.
"""

import time
import uuid
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError

from kit.errors import Failure
from wire.agent.v1.agent_pb2 import FromAgent, Open, ToAgent
from ws_hub import envelope, metrics
from ws_hub.envelope import NO_CHANNEL, Envelope, Kind, Malformed
from ws_hub.leases import Lease
from ws_hub.link import LinkLost
from ws_hub.post import Post
from ws_hub.roster import Roster
from ws_hub.served import Served
from ws_hub.stream import Stream

PING_SECONDS = 3.0
SILENCE_SECONDS = 10.0


@dataclass(slots=True)
class _Opened:
    """A stream of ours at another replica; also its outlet."""

    relay: "Relay"
    hub_id: str
    channel: bytes
    sent: int = 0
    received: int = 0
    stream: Stream = field(init=False)

    def __post_init__(self) -> None:
        self.stream = Stream(1, self)

    def post(self, frame: ToAgent) -> None:
        self.tell(Kind.TO_AGENT, frame.SerializeToString())

    async def write(self, frame: ToAgent) -> None:
        await self.relay.post.room()
        self.post(frame)

    def forget(self, ident: int) -> None:
        self.relay.drop(self.channel)

    def tell(self, kind: Kind, payload: bytes) -> None:
        message = Envelope(kind, self.relay.hub_id, self.channel, self.sent, payload)
        self.sent += 1
        self.relay.post.send(self.hub_id, envelope.pack(message))


@dataclass(frozen=True, slots=True)
class RemoteLink:
    """The link to an agent by way of the replica that has its lease."""

    relay: "Relay"
    sandbox_id: str
    lease: Lease

    @property
    def boot_id(self) -> bytes:
        return self.lease.boot_id

    def open(self, request: Open) -> Stream:
        """Opens a stream there; whether that worked shows at the first `recv`."""
        return self.relay.open(self, request)


class Relay:
    """Both ends of what is relayed, at one replica."""

    def __init__(self, hub_id: str, roster: Roster, post: Post) -> None:
        self.hub_id = hub_id
        self.post = post
        self._roster = roster
        self._opened: dict[bytes, _Opened] = {}
        self._served: dict[bytes, Served] = {}
        self._heard: dict[str, float] = {}

    def link(self, sandbox_id: str, lease: Lease) -> RemoteLink:
        """The way to an agent that another replica holds."""
        return RemoteLink(self, sandbox_id, lease)

    def open(self, link: RemoteLink, request: Open) -> Stream:
        """Opens a stream at the lease's holder."""
        hub_id = link.lease.hub_id
        if hub_id == self.hub_id:
            raise LinkLost("the agent has left this replica")
        opened = _Opened(self, hub_id, uuid.uuid4().bytes)
        self._opened[opened.channel] = opened
        self._heard.setdefault(hub_id, time.monotonic())
        frame = ToAgent(stream=1, open=request).SerializeToString()
        opened.tell(Kind.OPEN, envelope.pack_open(link.sandbox_id, link.lease.generation, frame))
        return opened.stream

    # What arrives

    async def receive(self, _: str, message: bytes) -> None:
        """One message of this replica's inbox."""
        try:
            received = envelope.unpack(message)
            self._heard[received.sender] = time.monotonic()
            if received.kind is Kind.OPEN:
                self._serve(received)
            elif received.kind in (Kind.FROM_AGENT, Kind.LOST):
                self._to_opened(received)
            elif received.kind is Kind.TO_AGENT:
                self._to_served(received)
        except (Malformed, DecodeError):
            metrics.LOST.inc()

    def _serve(self, received: Envelope) -> None:
        sandbox_id, generation, raw = envelope.unpack_open(received.payload)
        served = Served(self, received.sender, received.channel)
        link = self._roster.get(sandbox_id)
        if link is None or link.identity.generation != generation:
            served.lose("the agent has left that replica")
            return
        request = ToAgent.FromString(raw).open
        self._served[received.channel] = served
        try:
            served.begin(link, request)
        except (LinkLost, Failure) as error:
            served.lose(str(error))

    def _to_opened(self, received: Envelope) -> None:
        opened = self._opened.get(received.channel)
        if opened is None:
            return
        if received.kind is Kind.LOST:
            self.drop(received.channel)
            opened.stream.lose(received.payload.decode(errors="replace")[:200])
            return
        if received.number != opened.received:
            metrics.LOST.inc()
            opened.stream.cancel_lost("a message between replicas was lost")
            return
        opened.received += 1
        frame = FromAgent.FromString(received.payload)
        kind = frame.WhichOneof("kind") or ""
        if kind == "end":
            self.drop(received.channel)
        opened.stream.deliver(frame, kind)

    def _to_served(self, received: Envelope) -> None:
        served = self._served.get(received.channel)
        if served is not None and not served.take(received.number, received.payload):
            metrics.LOST.inc()
            served.give_up("a message between replicas was lost")

    # Ends

    def drop(self, channel: bytes) -> None:
        """A stream of ours is over."""
        self._opened.pop(channel, None)

    def unserve(self, channel: bytes) -> None:
        """A stream of another's is over."""
        self._served.pop(channel, None)

    def gap(self) -> None:
        """Messages of the inbox may be missing: nothing that is relayed can be trusted."""
        for opened in list(self._opened.values()):
            opened.stream.cancel_lost("messages between replicas may be lost")
        for served in list(self._served.values()):
            served.give_up("messages between replicas may be lost")

    def unheard(self, hub_id: str) -> None:
        """A replica is not there: its streams, and ours at it, are over."""
        self._heard.pop(hub_id, None)
        for opened in [item for item in self._opened.values() if item.hub_id == hub_id]:
            self.drop(opened.channel)
            opened.stream.lose("the replica that holds the agent is gone")
        for served in [item for item in self._served.values() if item.hub_id == hub_id]:
            served.abandon()

    def check_peers(self, now: float) -> None:
        """Pings whom we share streams with; gives up the silent. Called every 3 s."""
        peers = {item.hub_id for item in self._opened.values()}
        peers |= {item.hub_id for item in self._served.values()}
        self._heard = {peer: self._heard.get(peer, now) for peer in peers}
        for peer, heard in list(self._heard.items()):
            if heard < now - SILENCE_SECONDS:
                self.unheard(peer)
            else:
                ping = Envelope(Kind.PING, self.hub_id, NO_CHANNEL, 0)
                self.post.send(peer, envelope.pack(ping))
