"""The agents' way in: token, Hello, lease, Welcome; then frames until either side leaves."""

import asyncio
import logging
import time
from dataclasses import dataclass, field

import redis.asyncio as redis
from google.protobuf.message import DecodeError
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request

from kit.errors import Unavailable, ValidationFailed
from wire.agent.v1.agent_pb2 import FromAgent, Goodbye, Hello, ToAgent, Welcome
from ws_hub import metrics
from ws_hub.agent_link import AgentIdentity, AgentLink
from ws_hub.guard import Violation
from ws_hub.leases import Leases
from ws_hub.roster import Roster
from ws_hub.stream import WINDOW_BYTES
from ws_hub.upgrade import AGENT_SUBPROTOCOL, Address, Handler, offered, require_agent_token

logger = logging.getLogger(__name__)

HELLO_SECONDS = 10
MAX_GENERATION = 2**40
POLICY_VIOLATION = 1008
SERVICE_RESTART = 1012


@dataclass
class AgentDoor:
    """Serves `/agent/{id}`. `ping_seconds` is told to the agents and sets when one is dead."""

    roster: Roster
    leases: Leases
    secret: str
    ping_seconds: float
    draining: bool = False
    _farewells: set[asyncio.Task[None]] = field(default_factory=set)

    async def admit(self, address: Address, request: Request) -> Handler:
        """Decides on an upgrade."""
        require_agent_token(request.headers, address.sandbox_id, self.secret)
        if AGENT_SUBPROTOCOL not in offered(request.headers):
            raise ValidationFailed.of("Sec-WebSocket-Protocol", f"must offer {AGENT_SUBPROTOCOL}")
        if self.draining:
            raise Unavailable("This replica is about to end.", retry_after=1)

        async def handle(socket: ServerConnection) -> None:
            await self._serve(socket, address.sandbox_id)

        return handle

    async def _serve(self, socket: ServerConnection, sandbox_id: str) -> None:
        link: AgentLink | None = None
        try:
            link = await self._welcome(socket, sandbox_id)
            receive, clock = link.receive, time.monotonic
            async for message in socket:
                receive(message, clock())
        except Violation as violation:
            metrics.VIOLATIONS.inc()
            logger.warning("agent refused: %s", violation, extra={"sandboxId": sandbox_id})
            if link is not None:
                self._depart(link, "the agent broke the protocol")
            await socket.close(POLICY_VIOLATION, str(violation)[:120])
        except (ConnectionClosed, TimeoutError):
            pass
        finally:
            if link is not None:
                await self._leave(link)

    async def _welcome(self, socket: ServerConnection, sandbox_id: str) -> AgentLink:
        async with asyncio.timeout(HELLO_SECONDS):
            hello = _hello(await socket.recv())
        generation, leased = await self._take(sandbox_id, hello)
        identity = AgentIdentity(
            sandbox_id, generation, hello.boot_id, hello.version, hello.configured_generation
        )
        link = AgentLink(socket, identity, time.monotonic())
        link.leased = leased
        welcome = Welcome(
            generation=generation,
            ping_interval_ms=int(self.ping_seconds * 1000),
            initial_credit=WINDOW_BYTES,
        )
        link.post(ToAgent(welcome=welcome))
        older = self.roster.add(link)
        metrics.AGENTS.set(len(self.roster))
        if older is not None:
            self.replace(older)
        if leased:
            await self.announce("connected", identity)
        return link

    async def _take(self, sandbox_id: str, hello: Hello) -> tuple[int, bool]:
        try:
            generation = await self.leases.take(
                sandbox_id, hello.last_generation, hello.boot_id, hello.version
            )
        except (redis.RedisError, OSError) as error:
            logger.warning("no lease for an agent: %s", error, extra={"sandboxId": sandbox_id})
            held = self.roster.get(sandbox_id)
            known = held.identity.generation if held is not None else 0
            return max(hello.last_generation, known) + 1, False
        return generation, True

    async def announce(self, event: str, agent: AgentIdentity) -> None:
        """Tells all replicas; Redis may be away."""
        try:
            await self.leases.announce(
                event,
                agent.sandbox_id,
                agent.generation,
                configuredGeneration=agent.configured_generation,
            )
        except (redis.RedisError, OSError) as error:
            logger.warning("not announced: %s", error, extra={"sandboxId": agent.sandbox_id})

    def replace(self, link: AgentLink) -> None:
        """Lets an agent go whose place a newer connection has taken."""
        self.dismiss(link, "replaced")

    def dismiss(self, link: AgentLink, reason: str, delay_ms: int = 0) -> None:
        """Says goodbye and closes; the reader of the socket does the rest."""
        self._depart(link, f"the agent's connection ended: {reason}")
        link.post(ToAgent(goodbye=Goodbye(reason=reason, delay_ms=delay_ms)))
        code = SERVICE_RESTART if reason == "draining" else 1000
        task = asyncio.create_task(link.close(code, reason))
        self._farewells.add(task)
        task.add_done_callback(self._farewells.discard)

    def _depart(self, link: AgentLink, reason: str) -> None:
        self.roster.remove(link)
        metrics.AGENTS.set(len(self.roster))
        link.lose(reason)

    async def _leave(self, link: AgentLink) -> None:
        self._depart(link, "the agent's connection broke")
        await self.release(link)

    async def release(self, link: AgentLink) -> None:
        """Gives the lease of a link back that is gone; Redis may be away."""
        agent = link.identity
        try:
            if await self.leases.release(agent.sandbox_id, agent.generation):
                await self.announce("disconnected", agent)
        except (redis.RedisError, OSError) as error:
            # It runs out by itself.
            logger.warning("lease not released: %s", error, extra={"sandboxId": agent.sandbox_id})


def _hello(message: str | bytes) -> Hello:
    if not isinstance(message, bytes):
        raise Violation("a text message")
    try:
        frame = FromAgent.FromString(message)
    except DecodeError:
        raise Violation("not a FromAgent frame") from None
    hello = frame.hello
    if frame.WhichOneof("kind") != "hello" or frame.stream or frame.generation:
        raise Violation("the first frame must be hello")
    if len(hello.boot_id) != 16 or len(hello.version) > 64:
        raise Violation("hello is malformed")
    if hello.last_generation > MAX_GENERATION:
        raise Violation("last_generation is out of range")
    return hello
