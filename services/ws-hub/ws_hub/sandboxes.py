"""Whose a sandbox is and how it fares, asked of the sandbox service; known for at most 1 s."""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass

import grpc

from kit.caller import Caller
from kit.rpc import Rpc, failure_code
from wire.sandbox.v1.sandbox_pb2 import GetRequest
from wire.sandbox.v1.sandbox_pb2_grpc import SandboxesStub
from ws_hub.errors import SandboxDestroyed, SandboxNotFound, WrongState
from ws_hub.upgrade import canonical

KNOWN_SECONDS = 1.0
KNOWN_COUNT = 10_000
CALL_SECONDS = 5.0

ENDED = frozenset({"destroying", "destroyed"})
CLOSING = ENDED | {"failed"}
"""States in which nobody may go on using a sandbox."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox that its caller may use now. `room_bytes` is 0 when uploads have no limit."""

    sandbox_id: str
    owner_id: str
    state: str
    room_bytes: int


class Sandboxes:
    """Looks sandboxes up; concurrent questions for one are one call."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._stub = SandboxesStub(rpc.channel)  # type: ignore[no-untyped-call]
        self._known: OrderedDict[str, tuple[float, Sandbox]] = OrderedDict()
        self._asking: dict[str, asyncio.Task[Sandbox]] = {}

    async def usable(self, caller: Caller, sandbox_id: str) -> Sandbox:
        """A running sandbox of the caller's.

        Raises SandboxNotFound for another's too, SandboxDestroyed, WrongState.
        """
        sandbox = await self.owned(caller, sandbox_id)
        require_running(sandbox)
        return sandbox

    async def owned(self, caller: Caller, sandbox_id: str) -> Sandbox:
        """A sandbox of the caller's, whatever its state. Raises SandboxNotFound."""
        sandbox = await self.get(canonical(sandbox_id))
        strange = caller.sandbox_id not in ("", sandbox.sandbox_id)
        if not sandbox.owner_id or sandbox.owner_id != caller.user_id or strange:
            raise SandboxNotFound("There is no such sandbox.")
        return sandbox

    async def get(self, sandbox_id: str) -> Sandbox:
        """A sandbox, whoever asks. Raises SandboxNotFound."""
        known = self._known.get(sandbox_id)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        task = self._asking.get(sandbox_id)
        if task is None:
            task = asyncio.create_task(self._ask(sandbox_id))
            self._asking[sandbox_id] = task
            task.add_done_callback(lambda done: self._answered(sandbox_id, done))
        return await asyncio.shield(task)

    def _answered(self, sandbox_id: str, task: asyncio.Task[Sandbox]) -> None:
        if self._asking.get(sandbox_id) is task:
            del self._asking[sandbox_id]
        if not task.cancelled():
            task.exception()  # Whoever waits has it; nobody may wait any more.

    def forget(self, sandbox_id: str) -> None:
        """Something happened to it: the next question goes to the service."""
        self._known.pop(sandbox_id, None)
        self._asking.pop(sandbox_id, None)

    def forget_all(self) -> None:
        """Something may have happened to any."""
        self._known.clear()
        self._asking.clear()

    async def _ask(self, sandbox_id: str) -> Sandbox:
        asked_as = asyncio.current_task()
        try:
            found = await self._rpc.call(
                self._stub.Get, GetRequest(sandbox_id=sandbox_id), seconds=CALL_SECONDS
            )
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND or failure_code(error) == "not_found":
                raise SandboxNotFound("There is no such sandbox.") from error
            raise
        used = min(found.disk_used_bytes, max(found.disk_bytes - 1, 0))
        sandbox = Sandbox(sandbox_id, found.owner_id, found.state, found.disk_bytes - used)
        if self._asking.get(sandbox_id) is asked_as:
            self._known[sandbox_id] = (time.monotonic() + KNOWN_SECONDS, sandbox)
            self._known.move_to_end(sandbox_id)
            if len(self._known) > KNOWN_COUNT:
                self._known.popitem(last=False)
        return sandbox


def require_running(sandbox: Sandbox) -> None:
    """Raises SandboxDestroyed, WrongState, or SandboxNotFound for a warm one."""
    if sandbox.state == "running":
        return
    if sandbox.state in ENDED:
        raise SandboxDestroyed("This sandbox has been destroyed.")
    if sandbox.state == "warm":
        raise SandboxNotFound("There is no such sandbox.")
    raise WrongState(f"This sandbox is {sandbox.state}; it must be running for this.")
