"""Clerk's session tokens, checked without I/O: form, header, signature, then claims.

Every refusal is `Unauthenticated` with a reason of its own for the log; outside all look the same.
https://clerk.com/docs/guides/sessions/session-tokens, RFC 7515, RFC 7519.
"""

import base64
import binascii
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from kit.errors import InvalidJson, Unauthenticated
from kit.parse import parse_json

LONGEST_TOKEN = 16 * 1024
LONGEST_HEADER = 2 * 1024
LONGEST_ID = 255
LEEWAY_SECONDS = 5
SESSION_CATEGORY = "cl_B7d4PD111AAA"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the claims must agree with. Without `parties` the claim `azp` is not looked at."""

    issuer: str
    parties: frozenset[str]


@dataclass(frozen=True, slots=True)
class Unverified:
    """A token of the right form and header, whose signature is still to be checked."""

    key_id: str
    signed: bytes
    signature: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class Session:
    """What a valid token says. `actor` is who impersonates the user, if anyone does."""

    clerk_id: str
    session_id: str
    expires_at: float
    actor: str
    claims: Mapping[str, Any]


def parse(token: str) -> Unverified:
    """Form and header. Raises Unauthenticated."""
    if len(token) > LONGEST_TOKEN:
        raise Unauthenticated("token_too_long")
    parts = token.split(".")
    if len(parts) != 3 or not token.isascii() or not all(parts[:2]):
        raise Unauthenticated("token_malformed")
    if len(parts[0]) > LONGEST_HEADER:
        raise Unauthenticated("token_header_too_long")
    header = _object(_decode(parts[0]), "token_header_malformed")
    if header.get("alg") != "RS256":
        raise Unauthenticated("token_algorithm_wrong")
    if header.get("typ", "JWT") != "JWT" or "crit" in header:
        raise Unauthenticated("token_type_wrong")
    if header.get("cat", SESSION_CATEGORY) != SESSION_CATEGORY:
        raise Unauthenticated("token_category_wrong")
    key_id = header.get("kid", "")
    if not isinstance(key_id, str) or len(key_id) > LONGEST_ID:
        raise Unauthenticated("token_key_id_malformed")
    signed = f"{parts[0]}.{parts[1]}".encode()
    return Unverified(key_id, signed, _decode(parts[2]), _decode(parts[1]))


def verify(token: Unverified, key: RSAPublicKey, rules: Rules, now: float) -> Session:
    """Signature, then claims. Raises Unauthenticated."""
    try:
        key.verify(token.signature, token.signed, PKCS1v15(), SHA256())
    except InvalidSignature:
        raise Unauthenticated("token_signature_wrong") from None
    return _check(_object(token.payload, "token_payload_malformed"), rules, now)


def _check(claims: dict[str, Any], rules: Rules, now: float) -> Session:
    if claims.get("iss") != rules.issuer:
        raise Unauthenticated("token_issuer_wrong")
    clerk_id = _id(claims, "sub")
    session_id = _id(claims, "sid")
    party = claims.get("azp")
    if rules.parties and (not isinstance(party, str) or party not in rules.parties):
        raise Unauthenticated("token_party_wrong")
    expires_at = _time(claims, "exp")
    if now >= expires_at + LEEWAY_SECONDS:
        raise Unauthenticated("token_expired")
    if now < _time(claims, "nbf") - LEEWAY_SECONDS:
        raise Unauthenticated("token_not_yet_valid")
    if now < _time(claims, "iat") - LEEWAY_SECONDS:
        raise Unauthenticated("token_issued_in_the_future")
    if claims.get("sts", "active") != "active":
        raise Unauthenticated("session_pending")
    return Session(clerk_id, session_id, expires_at, _actor(claims), claims)


def _actor(claims: dict[str, Any]) -> str:
    actor = claims.get("act")
    if actor is None:
        return ""
    subject = actor.get("sub") if isinstance(actor, dict) else None
    if not isinstance(subject, str) or not _is_id(subject):
        raise Unauthenticated("token_actor_malformed")
    return subject


def _id(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not _is_id(value):
        raise Unauthenticated(f"token_{name}_wrong")
    return value


def _is_id(value: str) -> bool:
    return 0 < len(value) <= LONGEST_ID and value.isprintable()


def _time(claims: dict[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unauthenticated(f"token_{name}_wrong")
    try:
        seconds = float(value)
    except OverflowError:
        raise Unauthenticated(f"token_{name}_wrong") from None
    # The year 9999 is the last that can be written down.
    if not math.isfinite(seconds) or not 0 <= seconds < 253_402_300_000:
        raise Unauthenticated(f"token_{name}_wrong")
    return seconds


def _decode(part: str) -> bytes:
    """Base64url without padding (RFC 7515, section 2), in its only spelling."""
    try:
        raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise Unauthenticated("token_encoding_wrong") from None
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != part:
        raise Unauthenticated("token_encoding_wrong")
    return raw


def _object(raw: bytes, reason: str) -> dict[str, Any]:
    try:
        value = parse_json(raw)
    except InvalidJson:
        raise Unauthenticated(reason) from None
    if not isinstance(value, dict):
        raise Unauthenticated(reason)
    return value
