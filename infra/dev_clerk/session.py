"""A Clerk session token: its claims and header by default, and what a test puts over them."""

import secrets
from dataclasses import dataclass, field
from typing import Any

from infra.dev_clerk.settings import ClerkSettings
from infra.dev_clerk.signing import SigningKey, sign
from infra.dev_clerk.store import new_id

SESSION_CATEGORY = "cl_B7d4PD111AAA"
"""Header `cat` of Clerk's session tokens; other kinds of token carry another."""
NOT_BEFORE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class TokenRequest:
    user_id: str
    ttl_seconds: int = 3600
    """May be zero or less: a token that has expired already."""
    claims: dict[str, Any] = field(default_factory=dict)
    """Over the defaults; None removes."""
    header: dict[str, Any] = field(default_factory=dict)


def session_token(settings: ClerkSettings, key: SigningKey, request: TokenRequest, now: int) -> str:
    """`now` in seconds since the epoch."""
    claims: dict[str, Any] = {
        "exp": now + request.ttl_seconds,
        "fva": [0, -1],
        "iat": now,
        "iss": settings.issuer,
        "jti": secrets.token_hex(10),
        "nbf": now - NOT_BEFORE_SECONDS,
        "sid": new_id("sess"),
        "sts": "active",
        "sub": request.user_id,
        "v": 2,
    }
    if settings.parties:
        claims["azp"] = settings.parties[0]
    header = {"alg": "RS256", "cat": SESSION_CATEGORY, "kid": key.kid, "typ": "JWT"}
    return sign(key, _over(header, request.header), _over(claims, request.claims))


def _over(defaults: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (defaults | given).items() if value is not None}
