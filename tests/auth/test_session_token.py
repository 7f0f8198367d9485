"""Every way in which a session token can be wrong, by table."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from auth.session_token import Rules, Session, parse, verify
from kit.errors import Unauthenticated
from tests.auth.tokens import CLAIMS, HEADER, ISSUER, KEY, NOW, PARTY, base64url, make

RULES = Rules(ISSUER, frozenset({PARTY, "https://other.example.com"}))


def check(token: str, rules: Rules = RULES, now: float = NOW) -> Session:
    return verify(parse(token), KEY.public_key(), rules, now)


def refusal(token: str, rules: Rules = RULES, now: float = NOW) -> str:
    with pytest.raises(Unauthenticated) as caught:
        check(token, rules, now)
    assert caught.value.detail == "A valid credential is required."
    return caught.value.reason


def signed_by_hmac(header: dict[str, Any]) -> str:
    public = KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    signed = (
        f"{base64url(json.dumps(header).encode())}.{base64url(json.dumps(dict(CLAIMS)).encode())}"
    )
    return f"{signed}.{base64url(hmac.new(public, signed.encode(), hashlib.sha256).digest())}"


def signed_by_curve(algorithm: str) -> str:
    header = base64url(json.dumps({**HEADER, "alg": algorithm}).encode())
    signed = f"{header}.{base64url(json.dumps(dict(CLAIMS)).encode())}"
    key = ec.generate_private_key(ec.SECP256R1())
    return f"{signed}.{base64url(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))}"


def with_signature(token: str, signature: str) -> str:
    return token.rpartition(".")[0] + "." + signature


def test_a_valid_token_tells_user_session_and_expiry() -> None:
    session = check(make())
    assert (session.clerk_id, session.session_id) == ("user_1", "sess_1")
    assert session.expires_at == NOW + 60
    assert session.actor == ""


NOT_UTF8 = bytes([255, 254])
TWICE = b'{"alg":"RS256","alg":"RS256"}'

FORMS = [
    ("", "token_malformed"),
    ("a", "token_malformed"),
    ("a.b", "token_malformed"),
    ("a.b.c.d", "token_malformed"),
    ("..", "token_malformed"),
    ("mt_machine_token", "token_malformed"),
    ("é.b.c", "token_malformed"),
    ("a" * 100_000, "token_too_long"),
    (make(payload=b"[" * 12_200), "token_too_long"),
    (make(header={"pad": "x" * 4000}), "token_header_too_long"),
    ("!!!!.e30.AA", "token_encoding_wrong"),
    ("e30=.e30.AA", "token_encoding_wrong"),
    (f"{base64url(b'not json')}.e30.AA", "token_header_malformed"),
    (f"{base64url(b'[]')}.e30.AA", "token_header_malformed"),
    (f"{base64url(b'[' * 1000)}.e30.AA", "token_header_malformed"),
    (f"{base64url(NOT_UTF8)}.e30.AA", "token_header_malformed"),
    (f"{base64url(TWICE)}.e30.AA", "token_header_malformed"),
]


@pytest.mark.parametrize(("token", "reason"), FORMS)
def test_a_wrong_form_is_refused(token: str, reason: str) -> None:
    assert refusal(token) == reason


HEADERS = [
    ({"alg": None}, "token_algorithm_wrong"),
    ({"alg": "none"}, "token_algorithm_wrong"),
    ({"alg": "HS256"}, "token_algorithm_wrong"),
    ({"alg": "RS512"}, "token_algorithm_wrong"),
    ({"alg": "rs256"}, "token_algorithm_wrong"),
    ({"alg": ["RS256"]}, "token_algorithm_wrong"),
    ({"typ": "at+jwt"}, "token_type_wrong"),
    ({"crit": ["exp"]}, "token_type_wrong"),
    ({"cat": "cl_B7d4PD222AAA"}, "token_category_wrong"),
    ({"cat": "cl_B7d4PD333AAA"}, "token_category_wrong"),
    ({"cat": 1}, "token_category_wrong"),
    ({"kid": 1}, "token_key_id_malformed"),
    ({"kid": "k" * 256}, "token_key_id_malformed"),
]


@pytest.mark.parametrize(("header", "reason"), HEADERS)
def test_a_wrong_header_is_refused(header: dict[str, Any], reason: str) -> None:
    assert refusal(make(header=header)) == reason


@pytest.mark.parametrize("header", [{"cat": None}, {"typ": None}])
def test_the_headers_that_older_tokens_lack_may_be_absent(header: dict[str, Any]) -> None:
    assert check(make(header=header)).clerk_id == "user_1"


def test_a_signature_that_is_not_the_keys_is_refused() -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    token = make()
    signed = token.rpartition(".")[0].encode()
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.MAX_LENGTH)
    for wrong in (
        make(key=other),  # another instance's key under the same `kid`
        make({"sub": "user_2"}).rpartition(".")[0] + "." + token.rpartition(".")[2],
        with_signature(token, ""),
        with_signature(token, base64url(b"\0" * 256)),
        with_signature(token, base64url(KEY.sign(signed, pss, hashes.SHA256()))),
        with_signature(token, base64url(KEY.sign(signed, padding.PKCS1v15(), hashes.SHA512()))),
        signed_by_hmac(dict(HEADER)),
        signed_by_curve("RS256"),
    ):
        assert refusal(wrong) == "token_signature_wrong"
    assert refusal(signed_by_hmac({**HEADER, "alg": "HS256"})) == "token_algorithm_wrong"
    assert refusal(signed_by_curve("ES256")) == "token_algorithm_wrong"


def test_the_signature_is_checked_before_the_claims() -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert refusal(make({"iss": "evil"}, key=other)) == "token_signature_wrong"


def test_a_signature_has_one_spelling() -> None:
    token = make()
    raw = base64.urlsafe_b64decode(token.rpartition(".")[2] + "==")
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = next(
        text
        for character in last
        if (text := token[:-1] + character) != token
        and base64.urlsafe_b64decode(text.rpartition(".")[2] + "==") == raw
    )
    assert refusal(twin) == "token_encoding_wrong"


CASES: list[tuple[dict[str, Any], str]] = [
    ({"iss": None}, "token_issuer_wrong"),
    ({"iss": "https://evil.example.com"}, "token_issuer_wrong"),
    ({"iss": ISSUER + "/"}, "token_issuer_wrong"),
    ({"iss": [ISSUER]}, "token_issuer_wrong"),
    ({"sub": None}, "token_sub_wrong"),
    ({"sub": ""}, "token_sub_wrong"),
    ({"sub": 7}, "token_sub_wrong"),
    ({"sub": "u" * 256}, "token_sub_wrong"),
    ({"sub": "user\n1"}, "token_sub_wrong"),
    ({"sid": None}, "token_sid_wrong"),
    ({"sid": {}}, "token_sid_wrong"),
    ({"azp": None}, "token_party_wrong"),
    ({"azp": "https://evil.example.com"}, "token_party_wrong"),
    ({"azp": [PARTY]}, "token_party_wrong"),
    *(({name: None}, f"token_{name}_wrong") for name in ("exp", "nbf", "iat")),
    *(({name: "1800000060"}, f"token_{name}_wrong") for name in ("exp", "nbf", "iat")),
    *(({name: True}, f"token_{name}_wrong") for name in ("exp", "nbf", "iat")),
    *(({name: 10**400}, f"token_{name}_wrong") for name in ("exp", "nbf", "iat")),
    *(({name: -1}, f"token_{name}_wrong") for name in ("exp", "nbf", "iat")),
    ({"exp": NOW - 5}, "token_expired"),
    ({"exp": NOW - 600}, "token_expired"),
    ({"nbf": NOW + 5.5}, "token_not_yet_valid"),
    ({"iat": NOW + 5.5}, "token_issued_in_the_future"),
    ({"sts": "pending"}, "session_pending"),
    ({"sts": 0}, "session_pending"),
    ({"act": "user_2"}, "token_actor_malformed"),
    ({"act": {}}, "token_actor_malformed"),
]


@pytest.mark.parametrize(("claims", "reason"), CASES)
def test_a_wrong_claim_is_refused(claims: dict[str, Any], reason: str) -> None:
    assert refusal(make(claims)) == reason


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW - 4.5},
        {"nbf": NOW + 5},
        {"iat": NOW + 5},
        {"sts": None},
        {"azp": "https://other.example.com"},
        {"email": "a@example.com", "o": {"id": "org_1"}},
    ],
)
def test_what_is_within_the_rules_is_accepted(claims: dict[str, Any]) -> None:
    assert check(make(claims)).session_id == "sess_1"


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b"{", b"[" * 3000, b'{"exp":NaN}', b"\xff", b"null"]
)
def test_a_payload_that_is_no_object_is_refused(payload: bytes) -> None:
    reason = refusal(make(payload=payload or b"  "))
    assert reason == "token_payload_malformed"


def test_without_configured_parties_the_claim_is_not_looked_at() -> None:
    rules = Rules(ISSUER, frozenset())
    for party in (None, "https://any.example.com"):
        assert check(make({"azp": party}), rules).clerk_id == "user_1"


def test_impersonation_is_told() -> None:
    session = check(make({"act": {"sub": "user_admin", "iss": "https://dashboard.clerk.com"}}))
    assert session.actor == "user_admin"


@given(st.text(max_size=200))
def test_any_text_is_refused_without_a_defect(text: str) -> None:
    with pytest.raises(Unauthenticated):
        parse(text)
