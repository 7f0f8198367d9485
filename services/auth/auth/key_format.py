"""The form of API keys, which tells most that are none without any I/O.

`isk_`, 8 public characters, 32 secret ones (190 bits) and 6 of checksum, in base62. The checksum is
CRC-32 (zlib's) of the ASCII bytes before it. Keys of the earlier product are `isk_` and 64
hexadecimal digits, without a checksum.
"""

import re
import secrets
import string
import zlib
from dataclasses import dataclass

from kit.errors import Unauthenticated

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
PREFIX_CHARACTERS = 12
PUBLIC_CHARACTERS = 8
SECRET_CHARACTERS = 32
CHECKSUM_CHARACTERS = 6

_FORM = re.compile(r"isk_[0-9A-Za-z]{8}[0-9A-Za-z]{32,128}[0-9A-Za-z]{6}", re.ASCII)
_LEGACY = re.compile(r"isk_[0-9a-fA-F]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class KeyForm:
    """A well-formed key: its public prefix, and whether the earlier product made it."""

    prefix: str
    legacy: bool


def looks_like_key(credential: str) -> bool:
    """Whether it claims to be an API key, rightly or not."""
    return credential.startswith("isk_")


def generate() -> str:
    """A new key."""
    drawn = PUBLIC_CHARACTERS + SECRET_CHARACTERS
    body = "isk_" + "".join(secrets.choice(ALPHABET) for _ in range(drawn))
    return body + checksum(body)


def checksum(body: str) -> str:
    """The 6 characters that end a key which begins with `body`."""
    value = zlib.crc32(body.encode("ascii"))
    characters = []
    for _ in range(CHECKSUM_CHARACTERS):
        value, digit = divmod(value, len(ALPHABET))
        characters.append(ALPHABET[digit])
    return "".join(reversed(characters))


def parse(key: str) -> KeyForm:
    """The form of a key. Raises Unauthenticated for what is none, or is mistyped."""
    prefix = key[:PREFIX_CHARACTERS]
    if _FORM.fullmatch(key):
        body, given = key[:-CHECKSUM_CHARACTERS], key[-CHECKSUM_CHARACTERS:]
        if checksum(body) == given:
            return KeyForm(prefix, legacy=False)
    if _LEGACY.fullmatch(key):
        return KeyForm(prefix, legacy=True)
    raise Unauthenticated("key_checksum_wrong" if _FORM.fullmatch(key) else "key_malformed")
