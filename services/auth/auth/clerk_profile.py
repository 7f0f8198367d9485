"""From Clerk's user object, or a session token's claims, to a profile."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from auth.tables.users import Profile
from kit.errors import ValidationFailed

LONGEST_TEXT = 2048


def from_user(data: Mapping[str, Any], told_at: datetime | None = None) -> Profile:
    """The profile in a user object of Clerk's API or webhooks.

    https://clerk.com/docs/reference/backend/types/backend-user. `told_at` is its age when it does
    not say so itself. Raises ValidationFailed naming the field when it is no such object.
    """
    clerk_id = data.get("id")
    if not isinstance(clerk_id, str) or not 0 < len(clerk_id) <= 255:
        raise ValidationFailed.of("data.id", "is not a user id")
    return Profile(
        clerk_id=clerk_id,
        email=_primary(data, "email_addresses", "primary_email_address_id", "email_address"),
        first_name=_text(data, "first_name"),
        last_name=_text(data, "last_name"),
        username=_text(data, "username"),
        image_url=_text(data, "image_url"),
        phone_number=_primary(data, "phone_numbers", "primary_phone_number_id", "phone_number"),
        updated_at=_time(data, told_at),
    )


def from_claims(clerk_id: str, claims: Mapping[str, Any]) -> Profile:
    """What a token tells of its user: little, and to be completed."""
    return Profile(
        clerk_id=clerk_id,
        email=_claim(claims, "email"),
        first_name=_claim(claims, "first_name"),
        last_name=_claim(claims, "last_name"),
        username=_claim(claims, "username"),
        image_url=_claim(claims, "image_url"),
        phone_number=None,
        updated_at=None,
    )


def primary_phone(data: Mapping[str, Any]) -> tuple[str, str] | None:
    """Id and number of the primary phone in a user object."""
    for item in _items(data, "phone_numbers"):
        if item.get("id") == data.get("primary_phone_number_id"):
            return str(item.get("id")), str(item.get("phone_number"))
    return None


def phone_id(data: Mapping[str, Any], number: str) -> str | None:
    """Id of a number that the user has already."""
    for item in _items(data, "phone_numbers"):
        if item.get("phone_number") == number:
            return str(item.get("id"))
    return None


def _items(data: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    items = data.get(name)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _primary(data: Mapping[str, Any], name: str, chosen: str, field: str) -> str | None:
    wanted = data.get(chosen)
    for item in _items(data, name):
        if chosen not in data or (wanted is not None and item.get("id") == wanted):
            return _text(item, field)
    return None


def _text(data: Mapping[str, Any], name: str) -> str | None:
    value = data.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        raise ValidationFailed.of(f"data.{name}", "is not a text of reasonable length")
    return value


def _claim(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    usable = isinstance(value, str) and len(value) <= LONGEST_TEXT and value.isprintable()
    return value if usable else None


def _time(data: Mapping[str, Any], told_at: datetime | None) -> datetime:
    value = data.get("updated_at")
    if value is None and told_at is not None:
        return told_at
    if (
        isinstance(value, bool)
        or not isinstance(value, int)
        or not 0 <= value < 253_402_300_000_000
    ):
        raise ValidationFailed.of("data.updated_at", "is not a time in milliseconds")
    return datetime.fromtimestamp(value / 1000, UTC)
