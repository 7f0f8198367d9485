"""Envelopes between replicas."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ws_hub import envelope
from ws_hub.envelope import Envelope, Kind, Malformed


@given(st.sampled_from(Kind), st.binary(max_size=50), st.integers(0, 2**64 - 1))
def test_envelope_survives_the_way(kind: Kind, payload: bytes, number: int) -> None:
    made = Envelope(kind, uuid.uuid4().hex, uuid.uuid4().bytes, number, payload)
    assert envelope.unpack(envelope.pack(made)) == made


def test_opening_survives_the_way() -> None:
    sandbox_id = str(uuid.uuid4())
    packed = envelope.pack_open(sandbox_id, 7, b"frame")
    assert envelope.unpack_open(packed) == (sandbox_id, 7, b"frame")


@pytest.mark.parametrize("raw", [b"", b"x" * 40, b"\x09" + bytes(40)])
def test_anything_else_is_malformed(raw: bytes) -> None:
    with pytest.raises(Malformed):
        envelope.unpack(raw)
    with pytest.raises(Malformed):
        envelope.unpack_open(raw[:10])
