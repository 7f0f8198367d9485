"""Header fields as byte pairs: what a request says to the gateway, and what is passed on.

One pass over the fields sorts them. Names arrive in lower case (the server sees to that); a name is
compared with `_` as `-`, since some servers behind us take the two for the same.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.errors import BadRequest

Fields = list[tuple[bytes, bytes]]

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"http2-settings",
    }
)
"""RFC 9110, section 7.6.1: about this connection only."""

_OURS = frozenset({b"host", b"expect", b"x-request-id", b"traceparent"})
"""Replaced by the gateway's own."""

_READ = frozenset(
    {
        b"x-api-key",
        b"authorization",
        b"content-length",
        b"transfer-encoding",
        b"connection",
        b"origin",
        b"x-insien-token",
        b"x-forwarded-for",
        b"x-forwarded-proto",
        b"x-forwarded-host",
        b"accept",
        b"cookie",
        b"sec-fetch-site",
        b"sec-fetch-mode",
        b"access-control-request-method",
    }
    | _OURS
)
"""What the gateway itself looks at."""

_ONCE = frozenset({b"host", b"x-api-key", b"authorization", b"content-length", b"x-insien-token"})

_NOT_FOR_SERVICES = HOP_BY_HOP | _OURS | {b"x-api-key", b"authorization", b"forwarded"}

_INTERNAL = b"x-insien-"
_FORWARDED = b"x-forwarded-"
_REAL_ADDRESS = b"x-real-ip"


@dataclass(slots=True)
class Inbound:
    """The fields of a request: those the gateway reads, by name, and those for a service."""

    read: dict[bytes, bytes] = field(default_factory=dict)
    passed: Fields = field(default_factory=list)
    repeated: bytes = b""

    def check(self) -> None:
        """Raises BadRequest for what no HTTP request may say, or no two servers read alike."""
        if self.repeated:
            raise BadRequest(f"The header {self.repeated.decode()} stands twice.")
        if self.read.get(b"transfer-encoding", b"chunked").lower() != b"chunked":
            raise BadRequest("The only transfer coding that is understood is chunked.")
        if b"transfer-encoding" in self.read and b"content-length" in self.read:
            raise BadRequest("Content-Length and Transfer-Encoding exclude each other.")
        if not self.read.get(b"host"):
            raise BadRequest("The header Host is missing.")

    @property
    def has_body(self) -> bool:
        """Whether a body comes with the request (a declared length of 0 is none)."""
        return self.read.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in self.read


def read(fields: Iterable[tuple[bytes, bytes]]) -> Inbound:
    """Sorts the fields of a request; `Inbound.check` says what is wrong with them."""
    inbound = Inbound()
    known, passed = inbound.read, inbound.passed
    for item in fields:
        name = item[0]
        if name in _READ:
            if name in known:
                if name in _ONCE:
                    inbound.repeated = name
                known[name] += (b"; " if name == b"cookie" else b", ") + item[1]
            else:
                known[name] = item[1]
        if not _is_kept_from_services(name):
            passed.append(item)
    if b"connection" in known:
        _drop_named(known[b"connection"], inbound)
    return inbound


def _is_kept_from_services(name: bytes) -> bool:
    if b"_" in name:
        name = name.replace(b"_", b"-")
    return (
        name in _NOT_FOR_SERVICES
        or (name.startswith(b"x-") and name.startswith((_INTERNAL, _FORWARDED)))
        or name == _REAL_ADDRESS
    )


def _drop_named(connection: bytes, inbound: Inbound) -> None:
    named = connection_named(connection)
    if named:
        inbound.passed = [item for item in inbound.passed if item[0] not in named]


def connection_named(value: bytes) -> set[bytes]:
    """The header names that `Connection` calls hop-by-hop; never those that frame or address."""
    if value in (b"keep-alive", b"close"):
        return set()
    named = {token.strip().lower() for token in value.split(b",")}
    return named - {b"keep-alive", b"close", b"upgrade", b"content-length", b"host", b""}


def for_app(fields: Iterable[tuple[bytes, bytes]], inbound: Inbound) -> Fields:
    """What a preview passes on to the app in the sandbox.

    Everything but hop-by-hop fields, credentials of ours (`X-API-Key`, `X-Insien-*`, an
    `Authorization` that carries an `isk_` key) and what says where the request came from.
    """
    named = connection_named(inbound.read.get(b"connection", b""))
    kept = []
    for name, value in fields:
        plain = name.replace(b"_", b"-")
        if plain in HOP_BY_HOP or name in named or plain in (b"host", b"expect", b"x-api-key"):
            continue
        if plain.startswith((_INTERNAL, _FORWARDED)) or plain in (_REAL_ADDRESS, b"forwarded"):
            continue
        if plain in (b"x-request-id", b"traceparent"):
            continue
        if plain == b"authorization" and b"isk_" in value:
            continue
        kept.append((name, value))
    return kept


_NOT_FOR_CALLERS = HOP_BY_HOP | {b"date", b"server", b"x-request-id"}


def of_answer(fields: Fields, status: int) -> Fields:
    """What an answer's fields become on the way back to the caller."""
    kept = [item for item in fields if item[0] not in _NOT_FOR_CALLERS]
    if len(kept) == len(fields) and status not in (204, 304):
        return kept
    chunked = status in (204, 304)
    for name, value in fields:
        if name == b"transfer-encoding":
            chunked = True
        elif name == b"connection":
            named = connection_named(value)
            kept = [item for item in kept if item[0] not in named] if named else kept
    if chunked:
        kept = [item for item in kept if item[0] != b"content-length"]
    return kept
