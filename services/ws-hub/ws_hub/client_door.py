"""The clients' way in, and what ends their sockets: time, revocation, the sandbox, a drain."""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request

from kit.caller import Caller, CallerTokens
from kit.errors import ScopeMissing, Unavailable
from ws_hub import client_commands, client_files, metrics
from ws_hub.client_session import SANDBOX_GONE, ClientSession, Respond
from ws_hub.sandboxes import Sandbox
from ws_hub.switchboard import Switchboard
from ws_hub.tunnel import caller_of
from ws_hub.upgrade import Address, Handler

POLICY_VIOLATION = 1008
SERVICE_RESTART = 1012
SCOPE = "sandbox:write"

HANDLERS: dict[str, Respond] = {
    "exec": client_commands.run,
    "terminal": client_commands.terminal,
    "attach": client_commands.attach,
    "stdin": client_commands.stdin,
    "signal": client_commands.signal,
    "resize": client_commands.resize,
    **client_files.HANDLERS,
}
INLINE: dict[str, Respond] = {
    "data": client_commands.data,
    "cancel": client_commands.cancel,
    "unwatch": client_files.unwatch,
}


@dataclass(frozen=True, slots=True, eq=False)
class _Open:
    caller: Caller
    sandbox_id: str
    session: ClientSession


@dataclass
class ClientDoor:
    """Serves `/client/{id}`."""

    switchboard: Switchboard
    callers: CallerTokens
    slow_seconds: float
    draining: bool = False
    _open: set[_Open] = field(default_factory=set)

    @property
    def count(self) -> int:
        """Sockets that are open."""
        return len(self._open)

    async def admit(self, address: Address, request: Request) -> Handler:
        """Decides on an upgrade."""
        caller = caller_of(request, self.callers)
        caller.require(SCOPE)
        if caller.port:
            raise ScopeMissing("This token opens a port, not the client socket.")
        sandbox = await self.switchboard.enter(caller, address.sandbox_id)
        if self.draining:
            raise Unavailable("This replica is about to end.", retry_after=1)

        async def handle(socket: ServerConnection) -> None:
            await self._serve(socket, caller, sandbox)

        return handle

    async def _serve(self, socket: ServerConnection, caller: Caller, sandbox: Sandbox) -> None:
        session = ClientSession(socket, self.switchboard, sandbox, self.slow_seconds)
        entry = _Open(caller, sandbox.sandbox_id, session)
        self._open.add(entry)
        metrics.CLIENTS.set(len(self._open))
        expiry = asyncio.create_task(_expire(session, caller.expires_at))
        try:
            await session.run(HANDLERS, INLINE)
        finally:
            expiry.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await expiry
            self._open.discard(entry)
            metrics.CLIENTS.set(len(self._open))

    def revoke(self, document: dict[str, Any]) -> None:
        """Closes the sockets of a key or user."""
        key_id, user_id = document.get("keyId"), document.get("userId")
        for entry in list(self._open):
            caller = entry.caller
            if key_id:
                revoked = caller.key_id == key_id
            else:
                revoked = bool(user_id) and caller.user_id == user_id
            if revoked:
                entry.session.close(POLICY_VIOLATION, "credential revoked")

    def end_sandbox(self, sandbox_id: str, reason: str) -> None:
        """Closes the sockets of a sandbox that is over."""
        for entry in list(self._open):
            if entry.sandbox_id == sandbox_id:
                entry.session.close(SANDBOX_GONE, f"sandbox gone: {reason}")

    def drain(self, *, force: bool) -> None:
        """Closes the sockets that are idle, or with `force` all."""
        for entry in list(self._open):
            if force or not entry.session.requests:
                entry.session.close(SERVICE_RESTART, "restarting, reconnect")


async def _expire(session: ClientSession, expires_at: float) -> None:
    if not expires_at:
        await asyncio.Event().wait()
    while (left := expires_at - time.time()) > 0:  # noqa: ASYNC110  (wall clocks are set)
        await asyncio.sleep(min(left, 5))
    session.close(POLICY_VIOLATION, "credential expired")
