"""The caller header: what the gateway says, and nobody else."""

import time

import jwt
import pytest

from kit.caller import Caller, CallerTokens, SandboxTokens
from kit.errors import ScopeMissing, Unauthenticated
from kit.tokens import Signer, derive

SECRET = "0123456789abcdef0123456789abcdef"
CALLER = Caller(
    "key", "u", "k", "isk_12345678", "c", frozenset({"sandbox:read"}), "10.0.0.1", 5.0, "s", 80
)


def test_a_caller_comes_through_whole() -> None:
    tokens = CallerTokens(SECRET)
    assert tokens.verify(tokens.mint(CALLER)) == CALLER


def test_a_header_under_another_secret_is_refused() -> None:
    with pytest.raises(Unauthenticated):
        CallerTokens(SECRET).verify(CallerTokens(SECRET[::-1]).mint(CALLER))


def test_a_token_of_one_purpose_is_worth_nothing_for_another() -> None:
    access = SandboxTokens(SECRET).mint(CALLER, 60)
    with pytest.raises(Unauthenticated):
        CallerTokens(SECRET).verify(access)


def test_an_expired_token_is_refused() -> None:
    with pytest.raises(Unauthenticated):
        Signer(SECRET, "x").verify(Signer(SECRET, "x").mint({}, -5))


def test_an_unsigned_token_is_refused() -> None:
    now = int(time.time())
    claims = {"aud": "insien-x", "iat": now, "exp": now + 60}
    unsigned = jwt.encode(claims, "", algorithm="none")
    with pytest.raises(Unauthenticated):
        Signer(SECRET, "x").verify(unsigned)


def test_an_access_token_names_its_sandbox_port_and_entry() -> None:
    tokens = SandboxTokens(SECRET)
    caller, entry = tokens.verify(tokens.mint(CALLER, 60, "once"))
    assert (caller.kind, caller.user_id, caller.key_id) == ("token", "u", "k")
    assert (caller.sandbox_id, caller.port, entry) == ("s", 80, "once")


def test_scopes_are_required() -> None:
    CALLER.require("sandbox:read")
    with pytest.raises(ScopeMissing):
        CALLER.require("sandbox:write")
    with pytest.raises(Unauthenticated):
        Caller("anonymous").require("")


def test_keys_of_different_purposes_differ() -> None:
    assert derive(SECRET, "a") != derive(SECRET, "b")
