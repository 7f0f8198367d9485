"""From a request's headers to its credential, without asking anyone.

An API key is `isk_` + 8 public + at least 32 secret + 6 checksum characters; the checksum is the
CRC32 of all before it in base62. Keys of the earlier product are `isk_` + 64 hex digits, without.
"""

import re
import zlib
from dataclasses import dataclass
from typing import Literal

from gateway.errors import AmbiguousCredentials
from gateway.headers import Inbound
from kit.errors import Unauthenticated

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
MAX_BYTES = 16 * 1024

_KEY = re.compile(r"isk_[0-9A-Za-z]{46,200}")
_EARLIER_KEY = re.compile(r"isk_[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Credential:
    """What the caller showed: an API key, or a bearer token."""

    kind: Literal["key", "bearer"]
    text: str


def find(inbound: Inbound) -> Credential | None:
    """The credential of an API request, None without one.

    Raises AmbiguousCredentials for two, Unauthenticated for one that cannot be any.
    """
    key = inbound.read.get(b"x-api-key")
    authorization = inbound.read.get(b"authorization")
    if key is not None:
        if authorization is not None:
            raise AmbiguousCredentials(
                "Send X-API-Key or Authorization, not both: two credentials may disagree."
            )
        return of_key(key)
    return None if authorization is None else of_authorization(authorization)


def of_key(value: bytes) -> Credential:
    """The credential in `X-API-Key`. Raises Unauthenticated for what is no key."""
    text = _text(value)
    if not is_key(text):
        raise Unauthenticated("malformed_key")
    return Credential("key", text)


def of_authorization(value: bytes) -> Credential:
    """The credential in `Authorization: Bearer …`. Raises Unauthenticated for any other scheme."""
    scheme, _, rest = _text(value).partition(" ")
    text = rest.strip()
    if scheme.lower() != "bearer" or not text:
        raise Unauthenticated("not_bearer")
    if text.startswith("isk_"):
        return of_key(text.encode())
    return Credential("bearer", text)


def is_key(text: str) -> bool:
    """Whether it has the form of a key, its checksum included."""
    if _KEY.fullmatch(text) and checksum(text[:-6]) == text[-6:]:
        return True
    return _EARLIER_KEY.fullmatch(text) is not None


def checksum(text: str) -> str:
    """CRC32 of the ASCII bytes in base62, most significant digit first, six digits."""
    number = zlib.crc32(text.encode("ascii"))
    digits = ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = ALPHABET[digit] + digits
    return digits


def _text(value: bytes) -> str:
    if len(value) > MAX_BYTES:
        raise Unauthenticated("too_long")
    try:
        return value.decode("ascii").strip()
    except UnicodeDecodeError:
        raise Unauthenticated("not_ascii") from None
