"""The form of keys: what is made passes, what is mistyped does not."""

import zlib

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from auth.key_format import ALPHABET, checksum, generate, looks_like_key, parse
from kit.errors import Unauthenticated


def test_a_new_key_is_well_formed_and_never_the_same() -> None:
    keys = {generate() for _ in range(100)}
    assert len(keys) == 100
    for key in keys:
        assert looks_like_key(key)
        form = parse(key)
        assert (form.prefix, form.legacy) == (key[:12], False)
        assert len(key) == 4 + 8 + 32 + 6


def test_the_checksum_is_crc32_in_base62_most_significant_first() -> None:
    body = "isk_" + "0" * 40
    value = 0
    for character in checksum(body):
        value = value * 62 + ALPHABET.index(character)
    assert value == zlib.crc32(body.encode())
    assert ALPHABET == "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@given(
    st.text(ALPHABET, min_size=8, max_size=8),
    st.text(ALPHABET, min_size=32, max_size=128),
)
def test_any_key_of_the_form_with_its_checksum_passes(public: str, secret: str) -> None:
    body = f"isk_{public}{secret}"
    assert parse(body + checksum(body)).prefix == f"isk_{public}"


@given(st.data())
def test_one_changed_character_is_noticed(data: st.DataObject) -> None:
    key = generate()
    place = data.draw(st.integers(4, len(key) - 1))
    other = data.draw(st.sampled_from(ALPHABET))
    assume(other != key[place])
    with pytest.raises(Unauthenticated) as caught:
        parse(key[:place] + other + key[place + 1 :])
    assert caught.value.reason == "key_checksum_wrong"


@given(st.text(max_size=120))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(Unauthenticated):
        parse(f"isk_{text}")


@pytest.mark.parametrize("key", ["isk_" + "a1" * 32, "isk_" + "A1" * 32])
def test_a_key_of_the_earlier_product_is_told_by_its_form(key: str) -> None:
    assert parse(key).legacy


@pytest.mark.parametrize("key", ["isk_" + "a" * 63, "isk_" + "a" * 65, "isk_" + "g" * 64])
def test_what_only_resembles_one_is_not(key: str) -> None:
    with pytest.raises(Unauthenticated):
        parse(key)
