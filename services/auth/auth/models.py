"""Bodies, queries and answers of auth's routes, in their public spelling."""

import json
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from kit.endpoint import Model

METADATA_BYTES = 16 * 1024

Scope = Literal["sandbox:read", "sandbox:write"]
Name = Annotated[str, StringConstraints(max_length=256)]


def _small(value: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(value).encode()) > METADATA_BYTES:
        raise ValueError(f"has more than {METADATA_BYTES} bytes as JSON")
    return value


def _distinct(value: list[Scope] | None) -> list[Scope] | None:
    if value is not None and len(set(value)) != len(value):
        raise ValueError("names a scope twice")
    return value


class UserChange(Model):
    """What to change of one's profile; what is absent stays, `null` removes."""

    first_name: Name | None = None
    last_name: Name | None = None
    username: Name | None = None
    phone_number: Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$")] | None = Field(
        None, description="In E.164 form, such as +14155550123."
    )
    metadata: Annotated[dict[str, Any], AfterValidator(_small)] = Field(
        default_factory=dict, description="Any JSON object of at most 16 KiB; replaces the old one."
    )


class User(Model):
    """A user's profile."""

    id: str
    clerk_id: str
    email: str | None
    first_name: str | None
    last_name: str | None
    username: str | None
    image_url: str | None
    phone_number: str | None
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class UserAnswer(Model):
    """One user."""

    success: Literal[True] = True
    user: User


class NewKey(Model):
    """What a new key shall be."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"\S")]
    expires_in_days: Annotated[int, Field(strict=True, ge=1, le=3650)] | None = Field(
        None, description="Absent: the key does not expire."
    )
    scopes: Annotated[
        list[Scope] | None,
        Field(min_length=1, max_length=2, description="Absent: both."),
        AfterValidator(_distinct),
    ] = None


class Rotation(Model):
    """How to rotate a key."""

    grace_seconds: Annotated[int, Field(strict=True, ge=0, le=604_800)] = Field(
        0, description="How long the old secret lives on."
    )


class IssuedKey(Model):
    """A new key, with its secret, which is shown only here."""

    id: str
    key: str
    prefix: str
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None


class IssuedKeyAnswer(Model):
    """One new key."""

    success: Literal[True] = True
    api_key: IssuedKey


class ListedKey(Model):
    """A key, without its secret."""

    id: str
    prefix: str
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class KeysAnswer(Model):
    """All of one's keys, newest first."""

    success: Literal[True] = True
    api_keys: list[ListedKey]


class Done(Model):
    """It is done."""

    success: Literal[True] = True


class AuditQuery(Model):
    """Which page of the audit log."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str, StringConstraints(max_length=64)] | None = None


class AuditEvent(Model):
    """Something that happened to one's account."""

    id: str
    at: datetime
    type: str
    actor: Literal["user", "clerk", "system"]
    address: str | None
    key_id: str | None
    key_prefix: str | None
    request_id: str | None
    data: dict[str, Any]


class AuditAnswer(Model):
    """A page of one's audit log, newest first."""

    success: Literal[True] = True
    events: list[AuditEvent]
    next_cursor: str | None
