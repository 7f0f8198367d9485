"""Cross-origin requests: exact origins only, none by default, no browser credentials."""

from collections.abc import Sequence

from gateway.headers import Fields, Inbound

_EXPOSED = b"X-Request-Id, Retry-After, RateLimit, RateLimit-Policy, ETag, Content-Range"
_HEADERS = (
    b"Authorization, Content-Type, Idempotency-Key, If-None-Match, If-Range, Range,"
    b" Traceparent, X-API-Key, X-Request-Id"
)
_VARY = (b"vary", b"Origin")


class Cors:
    """Answers for the origins in ALLOWED_ORIGINS."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._origins = frozenset(origin.rstrip("/").encode() for origin in origins)

    def fields(self, inbound: Inbound) -> Fields:
        """What any answer carries."""
        if not self._origins:
            return []
        origin = inbound.read.get(b"origin")
        if origin not in self._origins or origin is None:
            return [_VARY]
        return [
            _VARY,
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", _EXPOSED),
        ]

    def preflight(self, inbound: Inbound, allow: str) -> Fields:
        """What the answer to OPTIONS carries on top; `allow` are the path's methods."""
        fields = [(b"allow", allow.encode())]
        asked = inbound.read.get(b"access-control-request-method")
        if asked is None or inbound.read.get(b"origin") not in self._origins:
            return fields
        return [
            *fields,
            (b"access-control-allow-methods", allow.encode()),
            (b"access-control-allow-headers", _HEADERS),
            (b"access-control-max-age", b"600"),
        ]
