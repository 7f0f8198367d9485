"""Bad input gets a 4xx that names the field."""

from collections.abc import Callable

import pytest
from pydantic import Field
from starlette.datastructures import QueryParams

from kit.endpoint import Model
from kit.errors import InvalidJson, ValidationFailed
from kit.parse import MAX_DEPTH, check, check_text, parse_json, read_query


class Inner(Model):
    cpu_count: int = Field(1, ge=1)


class Body(Model):
    name: str = Field(min_length=1)
    inner: Inner = Inner.model_validate({})


@pytest.mark.parametrize(
    ("value", "field", "part"),
    [
        ({}, "name", "is required"),
        ({"name": ""}, "name", "at least 1"),
        ({"name": "a", "colour": 1}, "colour", "is not a known field"),
        ({"name": "a", "inner": {"cpuCount": 0}}, "inner.cpuCount", "greater than"),
        ({"name": "a", "inner": 5}, "inner", ""),
        ([], "body", ""),
    ],
)
def test_a_wrong_field_is_named(value: object, field: str, part: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        check(Body, value)
    assert caught.value.errors[0].field == field
    assert part in caught.value.errors[0].message


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b'{"a": NaN}',
        b'{"a": -1e400}',
        b'{"a": 1, "a": 2}',
        b"\xff\xfe",
        b"[" * (MAX_DEPTH + 2) + b"]" * (MAX_DEPTH + 2),
        b"[" * 100_000,
    ],
    ids=["cut", "nan", "infinite", "twice", "not utf-8", "deep", "very deep"],
)
def test_what_is_not_strict_json_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidJson):
        parse_json(raw)


@pytest.mark.parametrize(
    ("value", "field"),
    [({"a": {"b": ["x", "\x00"]}}, "a.b.1"), ({"a": "\ud800"}, "a"), ("\x00", "body")],
)
def test_text_that_no_database_takes_is_named(value: object, field: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        check_text(value)
    assert caught.value.errors[0].field == field


@pytest.mark.parametrize("call", [parse_json])
def test_json_comes_through_unchanged(call: Callable[[str], object]) -> None:
    assert call('{"a": [1, "ä", null]}') == {"a": [1, "ä", None]}


@pytest.mark.parametrize(
    ("query", "field"),
    [("limit=1&limit=2", "limit"), ("metadata.a=%00", "metadata.a"), ("a%00=b", "query")],
)
def test_a_query_that_says_two_things_or_a_nul_is_named(query: str, field: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        read_query(QueryParams(query))
    assert caught.value.errors[0].field == field


def test_a_query_comes_through_unchanged() -> None:
    assert read_query(QueryParams("a=1&b=%20&c=")) == {"a": "1", "b": " ", "c": ""}
