"""`GET /.insien/enter?code=…` on a preview host: lets a browser into a private port, once.

Redis keys: `insien:entry:{jti}`, a code that was used; kept for longer than the code lives.
"""

from urllib.parse import parse_qs

import redis.asyncio as redis

from gateway import cookies
from gateway.admission import Admission
from gateway.errors import SandboxNotFound
from gateway.exchange import Exchange
from gateway.preview_access import PreviewAccess, Target
from kit.caller import SandboxTokens
from kit.errors import MethodNotAllowed, Unauthenticated, Unavailable

PATH = b"/.insien/enter"
COOKIE_SECONDS = 3600
BURNT_SECONDS = 600


class Entry:
    """Changes a code for the entry cookie."""

    def __init__(
        self,
        client: "redis.Redis",
        tokens: SandboxTokens,
        access: PreviewAccess,
        admission: Admission,
        *,
        https: bool,
    ) -> None:
        self._redis = client
        self._tokens = tokens
        self._access = access
        self._admission = admission
        self._https = https

    async def serve(self, exchange: Exchange, target: Target) -> None:
        """Sets the cookie and redirects to `/`. Raises Unauthenticated for a spent code."""
        if exchange.method != "GET":
            raise MethodNotAllowed("This path takes GET.", headers=[("Allow", "GET")])
        try:
            token = await self._exchanged(exchange, target)
        except (Unauthenticated, SandboxNotFound):
            await self._admission.stranger(exchange)
            raise
        cookie = cookies.set_entry(token, COOKIE_SECONDS, https=self._https)
        fields = [
            (b"location", b"/"),
            (b"set-cookie", cookie),
            (b"cache-control", b"no-store"),
            (b"referrer-policy", b"no-referrer"),
        ]
        await exchange.answer(303, fields)

    async def _exchanged(self, exchange: Exchange, target: Target) -> str:
        query = parse_qs(exchange.scope["query_string"].decode("latin-1"))
        caller, entry_id = self._tokens.verify(query.get("code", [""])[0])
        if not entry_id or not self._admission.identities.stands(caller):
            raise Unauthenticated("not_an_entry_code")
        if caller.sandbox_id != target.sandbox_id or caller.port != target.port:
            raise SandboxNotFound("There is no such sandbox.")
        (await self._access.owned(caller)).port(target.port)
        if not await self._burn(entry_id):
            raise Unauthenticated("spent_entry_code")
        return self._tokens.mint(caller, COOKIE_SECONDS)

    async def _burn(self, entry_id: str) -> bool:
        try:
            return bool(
                await self._redis.set(f"insien:entry:{entry_id}", b"1", nx=True, ex=BURNT_SECONDS)
            )
        except (redis.RedisError, OSError, TimeoutError) as error:
            raise Unavailable("Entry codes cannot be checked now.", retry_after=1) from error
