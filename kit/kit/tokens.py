"""Short-lived signed tokens between the services (JWT, HS256), each purpose under its own key."""

import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Any

import jwt

from kit.errors import Unauthenticated


def derive(secret: str, label: str) -> bytes:
    """A 32-byte key for one purpose, so that a token made for one is worth nothing for another."""
    return hmac.new(secret.encode(), b"insien:" + label.encode(), hashlib.sha256).digest()


class Signer:
    """Mints and verifies the tokens of one purpose (`label`), which is also their audience."""

    def __init__(self, secret: str, label: str) -> None:
        self._key = derive(secret, label)
        self._audience = f"insien-{label}"

    def mint(self, claims: Mapping[str, Any], ttl_seconds: float) -> str:
        """A token that carries the claims and lives for `ttl_seconds`."""
        now = time.time()
        return jwt.encode(
            {**claims, "aud": self._audience, "iat": int(now), "exp": int(now + ttl_seconds)},
            self._key,
            algorithm="HS256",
        )

    def verify(self, token: str) -> dict[str, Any]:
        """The claims of a token of this purpose.

        Raises Unauthenticated for any other, expired or malformed one.
        """
        try:
            return jwt.decode(
                token,
                self._key,
                algorithms=["HS256"],
                audience=self._audience,
                options={"require": ["exp", "iat", "aud"]},
            )
        except jwt.PyJWTError as error:
            raise Unauthenticated(f"token_{type(error).__name__}") from error
