"""Issue: a token that opens one sandbox's client socket and private ports, for a browser."""

import time
from dataclasses import dataclass, replace
from uuid import uuid4

from kit.caller import Caller
from sandbox.errors import PortNotExposed
from sandbox.lifecycle.access import IN_USE, require
from sandbox.lifecycle.expose import list_ports
from sandbox.lifecycle.parts import Parts
from sandbox.models import Sandbox

ENTRY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Issued:
    """The token, when it ends (seconds since 1970), and the way in for a browser, if for a port."""

    token: str
    expires_at: float
    entry_url: str | None


async def issue(
    parts: Parts, sandbox: Sandbox, caller: Caller, ttl_seconds: int, port: int | None
) -> Issued:
    """A token in the caller's name. Raises PortNotExposed, WrongState, SandboxDestroyed."""
    require(sandbox, IN_USE, "opened")
    bearer = replace(caller, kind="token", sandbox_id=str(sandbox.id), port=port or 0)
    if caller.kind == "key" and caller.expires_at:
        # No token outlives the key that made it.
        ttl_seconds = max(1, min(ttl_seconds, int(caller.expires_at - time.time())))
    token = parts.access_tokens.mint(bearer, ttl_seconds)
    entry_url = None
    if port is not None:
        if port not in {exposed.port for exposed in await list_ports(parts, sandbox)}:
            raise PortNotExposed(port)
        code = parts.access_tokens.mint(bearer, ENTRY_SECONDS, entry_id=uuid4().hex)
        entry_url = f"{parts.addresses.preview(sandbox.id, port)}/.insien/enter?code={code}"
    return Issued(token, int(time.time()) + ttl_seconds, entry_url)
