"""Session tokens made by hand, the wrong ones included."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

ISSUER = "https://clerk.example.com"
PARTY = "https://app.example.com"
NOW = 1_800_000_000.0
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
HEADER: Mapping[str, Any] = {
    "alg": "RS256",
    "kid": "ins_1",
    "typ": "JWT",
    "cat": "cl_B7d4PD111AAA",
}
CLAIMS: Mapping[str, Any] = {
    "iss": ISSUER,
    "sub": "user_1",
    "sid": "sess_1",
    "azp": PARTY,
    "exp": NOW + 60,
    "nbf": NOW - 10,
    "iat": NOW,
    "sts": "active",
}


def base64url(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def over(defaults: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The defaults with changes; `None` removes."""
    return {name: value for name, value in {**defaults, **changes}.items() if value is not None}


def make(
    claims: Mapping[str, Any] | None = None,
    header: Mapping[str, Any] | None = None,
    *,
    key: rsa.RSAPrivateKey = KEY,
    payload: bytes | None = None,
) -> str:
    """A token signed by `key`, with changed claims and header, or with a payload of raw bytes."""
    body = payload or json.dumps(over(CLAIMS, claims or {})).encode()
    signed = f"{base64url(json.dumps(over(HEADER, header or {})).encode())}.{base64url(body)}"
    signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{base64url(signature)}"
