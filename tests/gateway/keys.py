"""Credentials of tests: well-formed keys, whoever they belong to."""

import secrets

from gateway.credentials import ALPHABET, checksum


def make_key() -> str:
    """A key with a right checksum."""
    body = "isk_" + "".join(secrets.choice(ALPHABET) for _ in range(42))
    return body + checksum(body)
