"""Who may open a preview.

A public port: anyone by its host. A private port: the port's own token, a sandbox token (header or
entry cookie), or the owner's key or session. By path: a credential always, and it must be the
owner's. What is someone else's does not exist.
"""

import hashlib
import hmac
from dataclasses import dataclass

from gateway import cookies, credentials
from gateway.admission import Admission
from gateway.errors import SandboxNotFound
from gateway.exchange import Exchange
from gateway.sandboxes import Sandbox, Sandboxes
from kit.caller import Caller, SandboxTokens
from kit.errors import Unauthenticated

_NOT_YOURS = "There is no such sandbox."


@dataclass(frozen=True, slots=True)
class Target:
    """A port of a sandbox, by its host or by its path (`prefix`), and the app's own path."""

    sandbox_id: str
    port: int
    path: bytes
    prefix: bytes = b""


class PreviewAccess:
    """The checks of both forms."""

    def __init__(self, admission: Admission, sandboxes: Sandboxes, tokens: SandboxTokens) -> None:
        self._admission = admission
        self._sandboxes = sandboxes
        self._tokens = tokens

    async def check(self, exchange: Exchange, target: Target) -> None:
        """Raises Unauthenticated, SandboxNotFound, PortNotExposed, SandboxDestroyed, …"""
        try:
            if target.prefix:
                caller = await self._by_path(exchange, target)
                _owns(caller, await self._sandboxes.get(target.sandbox_id)).port(target.port)
            else:
                await self._by_host(exchange, target)
        except (Unauthenticated, SandboxNotFound):
            await self._admission.stranger(exchange)
            raise

    async def owned(self, caller: Caller) -> Sandbox:
        """The sandbox that a sandbox token opens. Raises SandboxNotFound when it is another's."""
        return _owns(caller, await self._sandboxes.get(caller.sandbox_id))

    async def _by_host(self, exchange: Exchange, target: Target) -> None:
        sandbox = await self._sandboxes.get(target.sandbox_id)
        port = sandbox.port(target.port)
        if not port.private:
            return
        read = exchange.inbound.read
        token = read.get(b"x-insien-token")
        if token is not None:
            shown = hashlib.sha256(token).hexdigest()
            if port.token_sha256 and hmac.compare_digest(shown, port.token_sha256):
                return
            _owns(self.token(token.decode("latin-1"), target), sandbox)
            return
        entered = self._entered(exchange, target)
        if entered is not None and entered.user_id == sandbox.owner_id:
            return
        _owns(await self._credential(exchange), sandbox)

    async def _by_path(self, exchange: Exchange, target: Target) -> Caller:
        read = exchange.inbound.read
        token = read.get(b"x-insien-token")
        if b"x-api-key" not in read and token is not None:
            return self.token(token.decode("latin-1"), target)
        return await self._credential(exchange)

    def token(self, text: str, target: Target) -> Caller:
        """The caller of a sandbox token. Raises Unauthenticated, or SandboxNotFound for another."""
        caller, entry_id = self._tokens.verify(text)
        if entry_id or not self._admission.identities.stands(caller):
            raise Unauthenticated("entry_code_or_revoked")
        if caller.sandbox_id != target.sandbox_id or caller.port not in (0, target.port):
            raise SandboxNotFound(_NOT_YOURS)
        return caller

    def _entered(self, exchange: Exchange, target: Target) -> Caller | None:
        """The caller of the entry cookie, unless another site's page sent the request."""
        read = exchange.inbound.read
        value = cookies.entry(read.get(b"cookie", b""))
        if not value or _from_elsewhere(exchange):
            return None
        try:
            return self.token(value, target)
        except (Unauthenticated, SandboxNotFound):
            return None

    async def _credential(self, exchange: Exchange) -> Caller:
        read = exchange.inbound.read
        if b"x-api-key" in read:
            credential = credentials.of_key(read[b"x-api-key"])
        elif b"authorization" in read:
            credential = credentials.of_authorization(read[b"authorization"])
        else:
            raise Unauthenticated("no_credential")
        known = await self._admission.identify(exchange, credential)
        await self._admission.count(exchange, known)
        return known.caller


def _owns(caller: Caller, sandbox: Sandbox) -> Sandbox:
    if caller.user_id != sandbox.owner_id:
        raise SandboxNotFound(_NOT_YOURS)
    return sandbox


def _from_elsewhere(exchange: Exchange) -> bool:
    """Whether a page of another origin caused it: other sandboxes may be the same site as this."""
    read = exchange.inbound.read
    origin = read.get(b"origin")
    if origin is not None and origin.partition(b"://")[2] != read.get(b"host", b""):
        return True
    fetched_by = read.get(b"sec-fetch-site", b"none")
    navigates = read.get(b"sec-fetch-mode") == b"navigate" and exchange.method == "GET"
    return fetched_by not in (b"none", b"same-origin") and not navigates
