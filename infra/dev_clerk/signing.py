"""RSA keys and the tokens they sign, the malformed ones included that tests need.

A token is put together by hand, not by a library: a library refuses to make most of what a
verifier must refuse to take.
"""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

RSA_HASHES: dict[str, hashes.HashAlgorithm] = {
    "RS256": hashes.SHA256(),
    "RS384": hashes.SHA384(),
    "RS512": hashes.SHA512(),
}


@dataclass(frozen=True, slots=True)
class SigningKey:
    kid: str
    pem: str = field(repr=False)

    def private(self) -> rsa.RSAPrivateKey:
        key = serialization.load_pem_private_key(self.pem.encode(), password=None)
        assert isinstance(key, rsa.RSAPrivateKey)
        return key

    def public_pem(self) -> str:
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        public = self.private().public_key()
        return public.public_bytes(serialization.Encoding.PEM, form).decode()

    def jwk(self) -> dict[str, str]:
        """RFC 7517; the fields that Clerk publishes."""
        numbers = self.private().public_key().public_numbers()
        return {
            "use": "sig",
            "kty": "RSA",
            "kid": self.kid,
            "alg": "RS256",
            "n": _base64url(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8)),
            "e": _base64url(numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8)),
        }


def new_key(kid: str) -> SigningKey:
    private = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return SigningKey(kid, pem.decode())


def sign(key: SigningKey, header: dict[str, Any], claims: dict[str, Any]) -> str:
    """A JWT in compact form (RFC 7515, 7519).

    `alg` of the header decides: RS*, `none` (no signature), HS256 with the public key as its
    secret (the classic confusion); anything else is signed as RS256 under its false name.
    """
    signed = f"{_base64url(_json(header))}.{_base64url(_json(claims))}"
    return f"{signed}.{_base64url(_signature(key, header.get('alg'), signed.encode()))}"


def _signature(key: SigningKey, algorithm: object, message: bytes) -> bytes:
    if algorithm == "none":
        return b""
    if algorithm == "HS256":
        return hmac.new(key.public_pem().encode(), message, hashlib.sha256).digest()
    digest = RSA_HASHES.get(str(algorithm), hashes.SHA256())
    return key.private().sign(message, padding.PKCS1v15(), digest)


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
