"""From an HTTP answer to the error it stands for."""

import contextlib
from typing import Any

import httpx

from insien.errors import FieldError, InsienError, Problem, error_class


def raise_for_problem(response: httpx.Response) -> None:
    """Return for an answer below 400; otherwise raise its error. The body must have been read."""
    if response.status_code >= 400:
        raise problem_error(response)


def problem_error(response: httpx.Response) -> InsienError:
    """The error of an answer, also of one that is no problem document (a proxy's page)."""
    body: Any = None
    with contextlib.suppress(ValueError):
        body = response.json()
    body = body if isinstance(body, dict) else {}
    status = response.status_code
    detail = body.get("detail") or body.get("error") or response.reason_phrase or "No detail."
    problem = Problem(
        detail=str(detail),
        code=str(body.get("code") or f"http_{status}"),
        status=status,
        request_id=str(body.get("requestId") or response.headers.get("X-Request-Id", "")),
        errors=_field_errors(body.get("errors")),
        retry_after=retry_after(response),
    )
    return error_class(status)(problem)


def retry_after(response: httpx.Response) -> float | None:
    """Seconds of `Retry-After`; its form with a date (RFC 9110 10.2.3) the API never sends."""
    try:
        return max(0.0, float(response.headers["Retry-After"]))
    except (KeyError, ValueError):
        return None


def _field_errors(errors: Any) -> tuple[FieldError, ...]:
    if not isinstance(errors, list):
        return ()
    return tuple(
        FieldError(str(error.get("field", "")), str(error.get("message", "")))
        for error in errors
        if isinstance(error, dict)
    )
