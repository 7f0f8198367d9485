"""What the gateway must know of a sandbox to serve its ports: whose it is and what is open.

An answer of the sandbox service is kept for a second, and dropped when an event of that sandbox is
heard; one that was asked for before such an event is not kept.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic

import grpc

from gateway.errors import PortNotExposed, SandboxDestroyed, SandboxNotFound, WrongState
from kit.errors import Unavailable
from kit.rpc import Rpc
from wire.sandbox.v1 import sandbox_pb2, sandbox_pb2_grpc

TTL_SECONDS = 1.0
SIZE = 10_000
CALL_SECONDS = 5.0
ENDED = frozenset({"destroying", "destroyed", "failed"})


@dataclass(frozen=True, slots=True)
class OpenPort:
    """An exposed port; `token_sha256` in hex when it is private, empty when public."""

    private: bool
    token_sha256: str


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Owner, state and open ports by number."""

    id: str
    owner_id: str
    state: str
    ports: Mapping[int, OpenPort]

    def port(self, number: int) -> OpenPort:
        """An open port. Raises SandboxDestroyed, PortNotExposed or WrongState (paused)."""
        if self.state in ENDED:
            raise SandboxDestroyed("This sandbox has ended.")
        found = self.ports.get(number)
        if found is None:
            raise PortNotExposed(f"Port {number} of this sandbox is not exposed.")
        if self.state == "paused":
            raise WrongState("This sandbox is paused.")
        return found


class Sandboxes:
    """The sandbox service, asked as seldom as it may be."""

    def __init__(self, rpc: Rpc, clock: Callable[[], float] = monotonic) -> None:
        self._rpc = rpc
        self._stub = sandbox_pb2_grpc.SandboxesStub(rpc.channel)  # type: ignore[no-untyped-call]  # generated
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, Sandbox | None]] = OrderedDict()
        self._calls: dict[str, asyncio.Task[Sandbox | None]] = {}

    async def get(self, sandbox_id: str) -> Sandbox:
        """The sandbox. Raises SandboxNotFound, Unavailable or DeadlineExceeded."""
        until, found = self._known.get(sandbox_id, (0.0, None))
        if self._clock() >= until:
            call = self._calls.get(sandbox_id)
            if call is None:
                call = asyncio.create_task(self._ask(sandbox_id))
                self._calls[sandbox_id] = call
            found = await asyncio.shield(call)
        if found is None:
            raise SandboxNotFound("There is no such sandbox.")
        return found

    def forget(self, sandbox_id: str) -> None:
        """Drops what is known of one sandbox, and of what is being asked."""
        self._known.pop(sandbox_id, None)
        self._calls.pop(sandbox_id, None)

    def clear(self) -> None:
        """Drops everything."""
        self._known.clear()
        self._calls.clear()

    async def _ask(self, sandbox_id: str) -> Sandbox | None:
        started = self._clock()
        this = asyncio.current_task()
        try:
            found = await self._fetch(sandbox_id)
            if self._calls.get(sandbox_id) is this:
                self._known[sandbox_id] = (started + TTL_SECONDS, found)
                self._known.move_to_end(sandbox_id)
                while len(self._known) > SIZE:
                    self._known.popitem(last=False)
            return found
        finally:
            if self._calls.get(sandbox_id) is this:
                del self._calls[sandbox_id]

    async def _fetch(self, sandbox_id: str) -> Sandbox | None:
        request = sandbox_pb2.GetRequest(sandbox_id=sandbox_id)
        try:
            answer = await self._rpc.call(self._stub.Get, request, seconds=CALL_SECONDS)
        except grpc.aio.AioRpcError as error:
            if error.code() in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT):
                return None
            raise Unavailable("Sandboxes cannot be looked up now.", retry_after=1) from error
        if answer.state == "warm" or not answer.owner_id:
            return None
        ports = {
            port.container_port: OpenPort(port.access == "private", port.token_sha256)
            for port in answer.ports
        }
        return Sandbox(sandbox_id, answer.owner_id, answer.state, ports)
