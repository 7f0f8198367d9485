"""Request bodies of `/dev/*`: typed reading, every refusal names its field."""

import json
from typing import Any

from starlette.requests import Request

from infra.dev_clerk.problems import ClerkError, DevError, invalid


async def json_object(request: Request) -> dict[str, Any]:
    """The body as an object; an empty one is {}."""
    raw = await request.body()
    if not raw.strip():
        return {}
    try:
        value = json.loads(raw)
    except ValueError as error:
        raise DevError(400, "invalid_json", "the body is not JSON") from error
    if not isinstance(value, dict):
        raise DevError(400, "invalid_json", "the body must be a JSON object")
    return value


async def clerk_object(request: Request) -> dict[str, Any]:
    """The same, refused in Clerk's words."""
    try:
        return await json_object(request)
    except DevError as error:
        raise ClerkError(400, "request_body_invalid", error.detail) from error


def only(body: dict[str, Any], allowed: set[str]) -> None:
    for name in body:
        if name not in allowed:
            raise invalid(name, "unknown field")


def text(body: dict[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise invalid(name, "must be a string")
    return value


def mapping(body: dict[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(name, "must be an object")
    return value


def number(body: dict[str, Any], name: str, low: float, high: float) -> float | None:
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid(name, "must be a number")
    if not low <= value <= high:
        raise invalid(name, f"must be from {low:g} to {high:g}")
    return value
