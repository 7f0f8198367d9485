"""From the bytes of a request to an endpoint's models, or a failure that names the field."""

import json
import math
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.datastructures import QueryParams
from starlette.requests import Request

from kit.errors import (
    BodyTooLarge,
    FieldError,
    InvalidJson,
    UnsupportedMediaType,
    ValidationFailed,
)

JSON_BODY_BYTES = 1024 * 1024
MAX_DEPTH = 32

M = TypeVar("M", bound=BaseModel)


def check(model: type[M], value: Any) -> M:
    """The value, in its public spelling, as its model.

    Raises ValidationFailed with every wrong field.
    """
    try:
        return model.model_validate(value, by_alias=True, by_name=False)
    except ValidationError as error:
        raise _failure(error) from None


def _failure(error: ValidationError) -> ValidationFailed:
    fields = [
        FieldError(".".join(str(part) for part in item["loc"]) or "body", _message(item))
        for item in error.errors(include_url=False, include_input=False)
    ]
    first = fields[0]
    return ValidationFailed(f"{first.field}: {first.message}", errors=fields)


def _message(item: Any) -> str:
    if item["type"] == "extra_forbidden":
        return "is not a known field"
    if item["type"] == "missing":
        return "is required"
    if item["type"] in ("model_type", "model_attributes_type", "dict_type"):
        return "must be an object"
    return str(item["msg"]).removeprefix("Value error, ")


async def read_json(request: Request, *, optional: bool) -> Any:
    """The JSON body, at most 1 MiB and 32 levels; `{}` for an absent one when it is optional."""
    raw = await read_body(request)
    if not raw.strip():
        if optional:
            return {}
        raise InvalidJson("The body is empty; a JSON object is expected.")
    media_type = request.headers.get("content-type", "application/json").partition(";")[0].strip()
    if media_type.lower() not in ("application/json", "text/json") and not media_type.endswith(
        "+json"
    ):
        raise UnsupportedMediaType(f"The body must be application/json, not {media_type[:100]!r}.")
    value = parse_json(raw)
    check_text(value)
    return value


def parse_json(raw: bytes | str) -> Any:
    """Strict JSON: no NaN or infinity, no duplicate keys, at most 32 levels. Raises InvalidJson."""
    try:
        value = json.loads(
            raw,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            object_pairs_hook=_no_duplicates,
        )
        _check_depth(value, 0)
    except (ValueError, RecursionError) as error:
        raise InvalidJson(f"The body is not valid JSON: {str(error)[:200]}") from None
    return value


def check_text(value: Any, path: str = "") -> None:
    """Raises ValidationFailed, naming the field, for a string that no database or kernel takes."""
    if isinstance(value, str):
        if "\x00" in value:
            raise ValidationFailed.of(path or "body", "holds a NUL character")
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise ValidationFailed.of(path or "body", "holds half of a surrogate pair")
    elif isinstance(value, dict):
        for key, item in value.items():
            check_text(key, path)
            check_text(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            check_text(item, f"{path}.{index}")


def read_query(params: QueryParams) -> dict[str, str]:
    """The query by name. Raises ValidationFailed for a name given twice, or a NUL."""
    found: dict[str, str] = {}
    for name, value in params.multi_items():
        if name in found:
            raise ValidationFailed.of(name, "is given twice")
        check_text(name, "query")
        check_text(value, name)
        found[name] = value
    return found


async def read_body(request: Request) -> bytes:
    """The raw body, at most 1 MiB. Raises BodyTooLarge."""
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > JSON_BODY_BYTES:
        raise BodyTooLarge(f"The body may have at most {JSON_BODY_BYTES} bytes.")
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > JSON_BODY_BYTES:
            raise BodyTooLarge(f"The body may have at most {JSON_BODY_BYTES} bytes.")
    return bytes(raw)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(literal: str) -> float:
    value = float(literal)
    if math.isinf(value):
        raise ValueError("a number is too large")
    return value


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _check_depth(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            _check_depth(item, depth + 1)
