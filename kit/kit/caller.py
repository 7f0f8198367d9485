"""Who is calling, as the gateway tells the services: one signed header, the only one they trust."""

import time
from dataclasses import dataclass
from typing import Any, Literal, cast

from kit.errors import ScopeMissing, Unauthenticated
from kit.tokens import Signer

HEADER = "x-insien-caller"
TTL_SECONDS = 60
MAX_VERIFIED = 4096
"""Headers that a service remembers having verified, until they expire."""

Kind = Literal["session", "key", "token", "anonymous"]


@dataclass(frozen=True, slots=True)
class Caller:
    """An identity on its way through the services.

    `kind` tells the credential: a Clerk session, an API key, a sandbox access token (which opens
    `sandbox_id` only, and `port` only when it is not 0), or none. `expires_at` is in seconds since
    1970, 0 for never.
    """

    kind: Kind
    user_id: str = ""
    key_id: str = ""
    key_prefix: str = ""
    clerk_id: str = ""
    scopes: frozenset[str] = frozenset()
    address: str = ""
    expires_at: float = 0
    sandbox_id: str = ""
    port: int = 0

    def require(self, scope: str) -> None:
        """Raises Unauthenticated for nobody, ScopeMissing for one who lacks the scope."""
        if self.kind == "anonymous":
            raise Unauthenticated("no_credential")
        if scope and scope not in self.scopes:
            raise ScopeMissing(f"This credential lacks the scope {scope}.")


ANONYMOUS = Caller("anonymous")


class CallerTokens:
    """The caller header: minted by the gateway, verified by every service."""

    def __init__(self, internal_secret: str) -> None:
        self._signer = Signer(internal_secret, "caller")
        self._verified: dict[str, tuple[float, Caller]] = {}

    def mint(self, caller: Caller) -> str:
        """The header's value; good for 60 s."""
        return self._signer.mint(
            {
                "kind": caller.kind,
                "sub": caller.user_id,
                "kid": caller.key_id,
                "pfx": caller.key_prefix,
                "cid": caller.clerk_id,
                "scp": sorted(caller.scopes),
                "adr": caller.address,
                "cex": caller.expires_at,
                "sbx": caller.sandbox_id,
                "prt": caller.port,
            },
            TTL_SECONDS,
        )

    def verify(self, value: str) -> Caller:
        """The caller. Raises Unauthenticated for a header that the gateway did not make."""
        known = self._verified.get(value)
        if known is not None and time.time() < known[0]:
            return known[1]
        claims: dict[str, Any] = self._signer.verify(value)
        caller = self._caller(claims)
        if len(self._verified) >= MAX_VERIFIED:
            self._verified.clear()
        self._verified[value] = (claims["exp"], caller)
        return caller

    @staticmethod
    def _caller(claims: dict[str, Any]) -> Caller:
        return Caller(
            kind=cast(Kind, claims["kind"]),
            user_id=claims["sub"],
            key_id=claims["kid"],
            key_prefix=claims["pfx"],
            clerk_id=claims["cid"],
            scopes=frozenset(claims["scp"]),
            address=claims["adr"],
            expires_at=claims["cex"],
            sandbox_id=claims["sbx"],
            port=claims["prt"],
        )


class SandboxTokens:
    """Access tokens of one sandbox, which its owner hands to a browser (`POST …/token`)."""

    SCOPES = frozenset({"sandbox:read", "sandbox:write"})

    def __init__(self, internal_secret: str) -> None:
        self._signer = Signer(internal_secret, "sandbox-token")

    def mint(self, caller: Caller, ttl_seconds: float, entry_id: str = "") -> str:
        """A token for `caller.sandbox_id` and `caller.port`; with `entry_id` a single-use code."""
        claims = {"sub": caller.user_id, "sid": caller.sandbox_id, "prt": caller.port}
        if caller.key_id:
            claims |= {"kid": caller.key_id, "pfx": caller.key_prefix}
        if entry_id:
            claims["jti"] = entry_id
        return self._signer.mint(claims, ttl_seconds)

    def verify(self, token: str) -> tuple[Caller, str]:
        """The caller that the token stands for, and its entry id (empty when it is no code)."""
        claims = self._signer.verify(token)
        caller = Caller(
            kind="token",
            user_id=claims["sub"],
            key_id=claims.get("kid", ""),
            key_prefix=claims.get("pfx", ""),
            scopes=self.SCOPES,
            expires_at=claims["exp"],
            sandbox_id=claims["sid"],
            port=claims["prt"],
        )
        return caller, claims.get("jti", "")
