"""Svix's webhook signatures (https://docs.svix.com/receiving/verifying-payloads/how-manual)."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence

from auth.errors import InvalidSignature

TOLERANCE_SECONDS = 300
_ID = re.compile(r"[\x21-\x7e]{1,255}")
_TIMESTAMP = re.compile(r"[0-9]{1,15}", re.ASCII)


def signing_keys(secrets: str) -> list[bytes]:
    """The keys in `whsec_…`, several separated by commas or blanks while one is being replaced.

    Raises ValueError for one that is not base64 of 16 bytes or more.
    """
    keys = []
    for secret in secrets.replace(",", " ").split():
        try:
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except (binascii.Error, ValueError) as error:
            raise ValueError("is not a Svix secret (`whsec_` and base64)") from error
        if len(key) < 16:
            raise ValueError("is weak: at least 16 bytes are needed")
        keys.append(key)
    if not keys:
        raise ValueError("is empty")
    return keys


def verify(keys: Sequence[bytes], headers: Mapping[str, str], body: bytes, now: float) -> str:
    """The delivery's id (`svix-id`), if one of the keys signed it within 300 s of `now`.

    Raises InvalidSignature, whatever is wrong.
    """
    message_id = headers.get("svix-id", "")
    timestamp = headers.get("svix-timestamp", "")
    signatures = headers.get("svix-signature", "")
    if not _ID.fullmatch(message_id) or not _TIMESTAMP.fullmatch(timestamp):
        raise InvalidSignature("header_malformed")
    if abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        raise InvalidSignature("timestamp_out_of_range")
    signed = f"{message_id}.{timestamp}.".encode() + body
    wanted = [hmac.new(key, signed, hashlib.sha256).digest() for key in keys]
    for given in _decoded(signatures):
        if any(hmac.compare_digest(given, digest) for digest in wanted):
            return message_id
    raise InvalidSignature("no_signature_matches")


def _decoded(signatures: str) -> list[bytes]:
    found = []
    for part in signatures.split(" "):
        version, _, text = part.partition(",")
        if version == "v1":
            try:
                found.append(base64.b64decode(text, validate=True))
            except (binascii.Error, ValueError):
                continue
    return found
