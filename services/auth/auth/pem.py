"""CLERK_JWT_KEY, an RSA public key, in every spelling that environment files give it."""

import base64
import binascii
import re

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

LEAST_BITS = 2048
_ARMOUR = re.compile(r"-----(BEGIN|END) [A-Z ]+-----")


def load(text: str) -> RSAPublicKey:
    """The key of a PEM (PKCS #8 or PKCS #1) with line feeds, escaped ones, blanks in their place,
    in quotes, or without its first and last line.

    Raises ValueError for anything else, and for keys of less than 2048 bits.
    """
    body = _ARMOUR.sub("", text.strip().strip("\"'").replace("\\r", "").replace("\\n", "\n"))
    try:
        key = load_der_public_key(base64.b64decode("".join(body.split()), validate=True))
    except (binascii.Error, ValueError) as error:
        raise ValueError("is not an RSA public key in PEM form") from error
    return usable(key)


def usable(key: object) -> RSAPublicKey:
    """The key if it may verify RS256. Raises ValueError when it is of another kind or too short."""
    if not isinstance(key, RSAPublicKey):
        raise ValueError("is not an RSA key")
    if key.key_size < LEAST_BITS:
        raise ValueError(f"has {key.key_size} bits, at least {LEAST_BITS} are needed")
    return key
