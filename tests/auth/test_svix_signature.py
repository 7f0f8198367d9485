"""Svix signatures: the vector of its documentation, rotation, edges, and rubbish."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.errors import InvalidSignature
from auth.svix_signature import signing_keys, verify

# https://docs.svix.com/receiving/verifying-payloads/how-manual
SECRET = "whsec_plJ3nmyCDGBKInavdOK15jsl"
BODY = b'{"event_type":"ping","data":{"success":true}}'
ID, AT = "msg_loFOjxBNrRLzqYUf", 1731705121
SIGNATURE = "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="
KEYS = signing_keys(SECRET)


def headers(**changes: str) -> dict[str, str]:
    found = {"svix-id": ID, "svix-timestamp": str(AT), "svix-signature": SIGNATURE}
    return found | {name.replace("_", "-"): value for name, value in changes.items()}


def test_the_documented_signature_is_valid() -> None:
    assert verify(KEYS, headers(), BODY, AT) == ID


@pytest.mark.parametrize("drift", [-300, 300])
def test_five_minutes_either_way_are_tolerated(drift: int) -> None:
    assert verify(KEYS, headers(), BODY, AT + drift) == ID


def test_one_of_several_signatures_and_secrets_is_enough() -> None:
    several = headers(svix_signature=f"v1,AAAA v2,{'B' * 43}= {SIGNATURE}")
    other = base64.b64encode(b"another secret of 24 byt").decode()
    assert verify(signing_keys(f"whsec_{other}, {SECRET}"), several, BODY, AT) == ID


@pytest.mark.parametrize(
    ("changes", "now", "reason"),
    [
        ({}, AT + 301, "timestamp_out_of_range"),
        ({}, AT - 301, "timestamp_out_of_range"),
        ({"svix_id": ""}, AT, "header_malformed"),
        ({"svix_id": "a b"}, AT, "header_malformed"),
        ({"svix_id": "x" * 256}, AT, "header_malformed"),
        ({"svix_timestamp": ""}, AT, "header_malformed"),
        ({"svix_timestamp": "now"}, AT, "header_malformed"),
        ({"svix_timestamp": "1e9"}, AT, "header_malformed"),
        ({"svix_timestamp": "9" * 5000}, AT, "header_malformed"),
        ({"svix_timestamp": "١٧"}, AT, "header_malformed"),
        ({"svix_signature": ""}, AT, "no_signature_matches"),
        ({"svix_signature": "v1,é"}, AT, "no_signature_matches"),
        ({"svix_signature": "v1"}, AT, "no_signature_matches"),
        ({"svix_signature": "v1,AAA"}, AT, "no_signature_matches"),
        ({"svix_signature": SIGNATURE.replace("v1", "v1a")}, AT, "no_signature_matches"),
        ({"svix_id": "msg_other"}, AT, "no_signature_matches"),
    ],
)
def test_a_wrong_header_is_refused(changes: dict[str, str], now: float, reason: str) -> None:
    with pytest.raises(InvalidSignature) as caught:
        verify(KEYS, headers(**changes), BODY, now)
    assert caught.value.reason == reason


def test_a_changed_body_is_refused() -> None:
    with pytest.raises(InvalidSignature):
        verify(KEYS, headers(), BODY + b" ", AT)


@given(st.binary(max_size=64))
def test_the_body_is_signed_as_the_bytes_it_is(body: bytes) -> None:
    signed = f"{ID}.{AT}.".encode() + body
    digest = base64.b64encode(hmac.new(KEYS[0], signed, hashlib.sha256).digest()).decode()
    assert verify(KEYS, headers(svix_signature=f"v1,{digest}"), body, AT) == ID


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=80))
def test_rubbish_is_refused_without_a_defect(one: str, two: str, three: str) -> None:
    with pytest.raises(InvalidSignature):
        verify(KEYS, headers(svix_id=one, svix_timestamp=two, svix_signature=three), BODY, AT)


@pytest.mark.parametrize("secret", ["", " , ", "whsec_", "whsec_AAAA", "whsec_not base64!"])
def test_a_wrong_or_weak_secret_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match=r"is "):
        signing_keys(secret)
