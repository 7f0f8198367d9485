"""The spellings of CLERK_JWT_KEY."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from auth import pem
from tests.auth.tokens import KEY

SPKI = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
PKCS1 = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode()


@pytest.mark.parametrize(
    "text",
    [
        SPKI,
        PKCS1,
        SPKI.replace("\n", "\\n"),
        SPKI.replace("\n", "\\r\\n"),
        SPKI.replace("\n", "\r\n"),
        SPKI.replace("\n", " "),
        SPKI.replace("\n", ""),
        f'"{SPKI}"',
        f"'{SPKI.strip()}'",
        "\n  " + SPKI + "  \n",
        "".join(SPKI.splitlines()[1:-1]),
    ],
)
def test_every_spelling_is_read(text: str) -> None:
    assert pem.load(text).public_numbers() == KEY.public_key().public_numbers()


def _public(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rubbish",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        _public(ec.generate_private_key(ec.SECP256R1())),
        _public(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
    ],
)
def test_what_is_no_usable_rsa_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not|has 1024 bits"):
        pem.load(text)
