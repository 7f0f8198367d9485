"""May this request pass: its credential, its scope, its limits, in this order."""

import logging

from gateway import credentials
from gateway.exchange import Exchange
from gateway.identities import Identities, Known
from gateway.limits import Policy, RateLimiter
from gateway.routes import ANY_SCOPE, Route
from kit.errors import ScopeMissing, Unauthenticated

logger = logging.getLogger(__name__)


class Admission:
    """The three checks of every route."""

    def __init__(
        self, identities: Identities, limiter: RateLimiter, *, key: int, create: int, address: int
    ) -> None:
        self.identities = identities
        self._limiter = limiter
        self._key = Policy("key", key)
        self._create = Policy("create", create)
        self._address = Policy("address", address)

    async def admit(self, exchange: Exchange, route: Route) -> Known:
        """The caller of a route that needs one.

        Raises AmbiguousCredentials, Unauthenticated, ScopeMissing, RateLimited or Unavailable.
        """
        try:
            known = self._remembered(exchange) or await self._asked(exchange)
        except Unauthenticated:
            await self.stranger(exchange)
            raise
        _authorise(route, known)
        await self.count(exchange, known, create=route.limit == "create")
        return known

    def _remembered(self, exchange: Exchange) -> Known | None:
        """The caller by a key that was seen lately: no parsing, no waiting."""
        read = exchange.inbound.read
        key = read.get(b"x-api-key")
        if key is None or b"authorization" in read:
            return None
        known = self.identities.known(self.identities.digest(key))
        if known is not None:
            exchange.user_id = known.caller.user_id
            exchange.key_prefix = known.caller.key_prefix
        return known

    async def _asked(self, exchange: Exchange) -> Known:
        credential = credentials.find(exchange.inbound)
        if credential is None:
            raise Unauthenticated("no_credential")
        return await self.identify(exchange, credential)

    async def identify(self, exchange: Exchange, credential: credentials.Credential) -> Known:
        """Who holds the credential; the log learns it. Counts nothing."""
        known = await self.identities.identify(credential.text, exchange.origin.address)
        exchange.user_id = known.caller.user_id
        exchange.key_prefix = known.caller.key_prefix
        return known

    async def count(self, exchange: Exchange, known: Known, *, create: bool = False) -> None:
        """Counts a request of a key, or of a person. Raises RateLimited."""
        who = known.caller.key_id or known.caller.user_id
        for policy in (self._key, self._create) if create else (self._key,):
            if policy.quota > 0:
                verdict = await self._limiter.take(policy, who)
                verdict.check()
                exchange.extra += verdict.fields()

    async def stranger(self, exchange: Exchange) -> None:
        """Counts a request without a valid credential. Raises RateLimited."""
        (await self._limiter.take(self._address, exchange.origin.address)).check()


def _authorise(route: Route, known: Known) -> None:
    caller = known.caller
    if route.credential == "session" and caller.kind != "session":
        raise ScopeMissing("Only a signed-in person may do this, not a key.")
    if route.scope == ANY_SCOPE:
        if not caller.scopes:
            raise ScopeMissing("This credential has no scope.")
    elif route.scope and route.scope not in caller.scopes:
        raise ScopeMissing(f"This credential lacks the scope {route.scope}.")
