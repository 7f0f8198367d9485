"""Clerk's Backend API: users and signing keys (https://clerk.com/docs/reference/backend-api)."""

import logging
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import httpx

from kit.errors import NotFound, Unavailable, ValidationFailed

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 300.0
PAUSE_SECONDS = 1.0

_FIELDS = {
    "first_name": "firstName",
    "last_name": "lastName",
    "username": "username",
    "phone_number": "phoneNumber",
}


class ClerkApi:
    """Calls to Clerk; when it asks for a pause (429, `Retry-After`), none is made until it is over.

    Every call raises Unavailable when Clerk is down, slow or wants that pause.
    """

    def __init__(
        self, client: httpx.AsyncClient, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._monotonic = monotonic
        self._paused_until = float("-inf")

    async def jwks(self) -> Mapping[str, Any]:
        """The JSON Web Key Set of the instance."""
        return await self._call("GET", "/v1/jwks")

    async def user(self, clerk_id: str) -> Mapping[str, Any]:
        """The user object. Raises NotFound when Clerk says that there is no such user."""
        return await self._call("GET", f"/v1/users/{quote(clerk_id, safe='')}")

    async def update_user(self, clerk_id: str, changes: Mapping[str, Any]) -> Mapping[str, Any]:
        """Changes the user; the new user object. Raises ValidationFailed naming our field."""
        return await self._call("PATCH", f"/v1/users/{quote(clerk_id, safe='')}", changes)

    async def add_phone(self, clerk_id: str, number: str) -> None:
        """Adds a number, not verified, as the primary one. Raises ValidationFailed."""
        body = {"user_id": clerk_id, "phone_number": number, "verified": False, "primary": True}
        await self._call("POST", "/v1/phone_numbers", body)

    async def remove_phone(self, phone_id: str) -> None:
        """Removes a number."""
        await self._call("DELETE", f"/v1/phone_numbers/{quote(phone_id, safe='')}")

    async def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        left = self._paused_until - self._monotonic()
        if left > 0:
            raise _unavailable(left)
        try:
            answer = await self._client.request(method, path, json=body)
        except httpx.HTTPError as error:
            logger.warning("Clerk does not answer: %s", type(error).__name__)
            raise _unavailable(PAUSE_SECONDS) from error
        if answer.status_code == 429 or answer.status_code >= 500:
            self._pause(answer)
        document = _document(answer)
        if answer.is_success:
            return document
        raise _failure(answer.status_code, document)

    def _pause(self, answer: httpx.Response) -> None:
        seconds = _retry_after(answer.headers.get("retry-after", ""))
        if answer.status_code == 429 or seconds:
            self._paused_until = self._monotonic() + (seconds or PAUSE_SECONDS)
        logger.warning("Clerk answers %s", answer.status_code, extra={"retryAfter": seconds})
        raise _unavailable(seconds or PAUSE_SECONDS)


def client(base_url: str, secret_key: str) -> httpx.AsyncClient:
    """The HTTP client of a `ClerkApi`."""
    return httpx.AsyncClient(
        base_url=base_url,
        timeout=TIMEOUT_SECONDS,
        headers={"Authorization": f"Bearer {secret_key}", "User-Agent": "insien-auth"},
        limits=httpx.Limits(max_connections=20, keepalive_expiry=4),
    )


def _unavailable(seconds: float) -> Unavailable:
    return Unavailable("The sign-in provider does not answer.", retry_after=seconds)


def _retry_after(value: str) -> float:
    """Seconds, from either form of the header (RFC 9110, 10.2.3); 0 when there is none."""
    seconds = 0.0
    if value.isascii() and value.isdigit():
        seconds = float(value)
    elif value:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except ValueError:
            return 0.0
    return min(max(seconds, 0.0), LONGEST_PAUSE_SECONDS)


def _document(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        document = answer.json()
    except ValueError:
        document = None
    if isinstance(document, dict):
        return document
    logger.warning("Clerk answers with no JSON object", extra={"status": answer.status_code})
    raise _unavailable(PAUSE_SECONDS)


def _failure(status: int, document: Mapping[str, Any]) -> Exception:
    errors = document.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else {}
    first = first if isinstance(first, dict) else {}
    code = str(first.get("code"))
    if status == 404 and code == "resource_not_found":
        return NotFound("There is no such user.")
    if status in (400, 409, 422):
        meta = first.get("meta")
        name = str(meta.get("param_name")) if isinstance(meta, dict) else ""
        message = str(first.get("long_message") or first.get("message") or "is not accepted")
        return ValidationFailed.of(_FIELDS.get(name, name or "body"), message[:500])
    logger.error("Clerk refuses the call", extra={"status": status, "clerkCode": code})
    return _unavailable(PAUSE_SECONDS)
