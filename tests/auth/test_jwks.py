"""The key cache: fresh, stale, unknown, rotated, and never more fetches than allowed."""

import asyncio
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from auth.jwks import Jwks, PemKey
from kit.errors import Unauthenticated, Unavailable
from tests.auth.tokens import KEY


def entry(kid: str, **changes: Any) -> dict[str, Any]:
    return {
        **RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True),
        "kid": kid,
        "use": "sig",
    } | changes


class FakeClerk:
    """Serves a key set, counts, and may be down; time is in its hands."""

    def __init__(self, *entries: dict[str, Any]) -> None:
        self.keys: list[Any] = list(entries)
        self.fetches = 0
        self.down = False
        self.now = 1000.0
        self.fetched = asyncio.Event()

    async def fetch(self) -> dict[str, Any]:
        self.fetches += 1
        self.fetched.set()
        await asyncio.sleep(0)
        if self.down:
            raise Unavailable("down")
        return {"keys": self.keys}

    def jwks(self) -> Jwks:
        return Jwks(self.fetch, lambda: self.now)


async def reason(jwks: Jwks, kid: str) -> str:
    with pytest.raises(Unauthenticated) as caught:
        await jwks.key(kid)
    return caught.value.reason


async def test_many_waiters_make_one_fetch() -> None:
    clerk = FakeClerk(entry("a"))
    jwks = clerk.jwks()
    found = await asyncio.gather(*(jwks.key("a") for _ in range(50)))
    assert clerk.fetches == 1
    assert found[0].public_numbers() == KEY.public_key().public_numbers()


async def test_an_unknown_key_is_fetched_for_once_in_thirty_seconds() -> None:
    clerk = FakeClerk(entry("a"))
    jwks = clerk.jwks()
    await jwks.key("a")
    clerk.now += 31
    for _ in range(20):
        assert await reason(jwks, "b") == "token_key_unknown"
    assert clerk.fetches == 2
    clerk.keys.append(entry("b"))
    clerk.now += 31
    await jwks.key("b")
    assert clerk.fetches == 3


async def test_known_keys_are_served_while_clerk_is_down() -> None:
    clerk = FakeClerk(entry("a"))
    jwks = clerk.jwks()
    await jwks.key("a")
    clerk.down = True
    clerk.now += 3600
    assert await reason(jwks, "b") == "token_key_unknown"
    assert (await jwks.key("a")).key_size == 2048


async def test_a_retired_key_is_gone_with_the_next_fetch() -> None:
    clerk = FakeClerk(entry("a"))
    jwks = clerk.jwks()
    await jwks.key("a")
    clerk.keys = [entry("b")]
    clerk.now += 31
    await jwks.key("b")
    assert await reason(jwks, "a") == "token_key_unknown"


async def test_without_any_keys_sessions_cannot_be_judged() -> None:
    clerk = FakeClerk(entry("a"))
    clerk.down = True
    jwks = clerk.jwks()
    for _ in range(5):
        with pytest.raises(Unavailable):
            await jwks.key("a")
    assert clerk.fetches == 1
    clerk.down = False
    clerk.now += 3
    await jwks.key("a")


async def test_a_missing_key_id_is_refused() -> None:
    clerk = FakeClerk(entry("a"))
    assert await reason(clerk.jwks(), "") == "token_key_id_missing"
    assert clerk.fetches == 0


async def test_only_usable_rsa_keys_are_taken() -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    clerk = FakeClerk(
        entry("good"),
        entry("encryption", use="enc"),
        entry("other", alg="RS512"),
        entry("broken", n="!"),
        {**RSAAlgorithm.to_jwk(short, as_dict=True), "kid": "short"},
        {**ECAlgorithm.to_jwk(curve, as_dict=True), "kid": "curve"},
    )
    clerk.keys += ["rubbish", {"kty": "RSA"}]
    jwks = clerk.jwks()
    await jwks.key("good")
    for kid in ("encryption", "other", "broken", "short", "curve"):
        assert await reason(jwks, kid) == "token_key_unknown"


async def test_an_empty_set_does_not_replace_what_is_known() -> None:
    clerk = FakeClerk(entry("a"))
    jwks = clerk.jwks()
    await jwks.key("a")
    clerk.keys = []
    clerk.now += 31
    assert await reason(jwks, "b") == "token_key_unknown"
    await jwks.key("a")


async def test_the_set_is_fetched_in_the_background() -> None:
    clerk = FakeClerk(entry("a"))
    jwks = clerk.jwks()
    refreshing = asyncio.create_task(jwks.refresh_forever())
    async with asyncio.timeout(5):
        await clerk.fetched.wait()
    await jwks.key("a")
    refreshing.cancel()
    assert clerk.fetches == 1


async def test_a_configured_key_serves_any_key_id() -> None:
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    source = PemKey(pem)
    for kid in ("", "anything"):
        assert (await source.key(kid)).public_numbers() == KEY.public_key().public_numbers()
