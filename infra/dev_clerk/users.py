"""Users in the shape of Clerk's Backend API: snake_case, times in milliseconds."""

import copy
import re
import time
from typing import Any

from infra.dev_clerk.problems import ClerkError
from infra.dev_clerk.store import Store, User, new_id

NAME_LENGTH = 256
PHONE = re.compile(r"\+[1-9]\d{6,14}")
TEXT_FIELDS = ("first_name", "last_name", "username", "external_id")
METADATA_FIELDS = ("public_metadata", "private_metadata", "unsafe_metadata")
PRIMARY_FIELDS = {
    "primary_email_address_id": "email_addresses",
    "primary_phone_number_id": "phone_numbers",
}


def now_ms() -> int:
    return time.time_ns() // 1_000_000


BLANK: dict[str, Any] = {
    "object": "user",
    "locale": None,
    "has_image": False,
    "primary_phone_number_id": None,
    "primary_web3_wallet_id": None,
    "password_enabled": False,
    "two_factor_enabled": False,
    "totp_enabled": False,
    "backup_code_enabled": False,
    "phone_numbers": [],
    "web3_wallets": [],
    "passkeys": [],
    "external_accounts": [],
    "saml_accounts": [],
    "enterprise_accounts": [],
    "public_metadata": {},
    "private_metadata": {},
    "unsafe_metadata": {},
    "external_id": None,
    "last_sign_in_at": None,
    "banned": False,
    "locked": False,
    "lockout_expires_in_seconds": None,
    "verification_attempts_remaining": 100,
    "delete_self_enabled": True,
    "create_organization_enabled": True,
    "last_active_at": None,
    "legal_accepted_at": None,
}
"""What every new user starts with."""


def new_user(email: str, first: str | None, last: str | None, username: str | None) -> User:
    address = _identification("email_address", email.lower())
    address["matches_sso_connection"] = False
    user_id = new_id("user")
    return copy.deepcopy(BLANK) | {
        "id": user_id,
        "username": username,
        "first_name": first,
        "last_name": last,
        "image_url": f"https://img.example.com/{user_id}.png",
        "primary_email_address_id": address["id"],
        "email_addresses": [address],
        "created_at": address["created_at"],
        "updated_at": address["updated_at"],
    }


def _identification(kind: str, value: str) -> dict[str, Any]:
    """An email address or phone number: verified, as an administrator's always is."""
    now = now_ms()
    return {
        "id": new_id("idn"),
        "object": kind,
        kind: value,
        "reserved": False,
        "verification": {"status": "verified", "strategy": "admin", "attempts": None},
        "linked_to": [],
        "created_at": now,
        "updated_at": now,
    }


def find_user(store: Store, user_id: str) -> User:
    user = store.users.get(user_id)
    if user is None:
        raise ClerkError(404, "resource_not_found", "not found")
    return user


def update_user(store: Store, user: User, changes: dict[str, Any]) -> User:
    """PATCH /v1/users/{id}: all of it or (ClerkError 422, naming the parameter) nothing.

    Metadata is replaced; PATCH /v1/users/{id}/metadata merges.
    """
    for name, value in changes.items():
        _check(store, user, name, value)
    touch(user, changes)
    store.save()
    return user


def merge_metadata(store: Store, user: User, changes: dict[str, Any]) -> User:
    """PATCH /v1/users/{id}/metadata: a deep merge, null removes."""
    for name, value in changes.items():
        if name not in METADATA_FIELDS:
            raise ClerkError(422, "form_param_unknown", f"{name} is not a valid parameter", name)
        _check(store, user, name, value)
    touch(user, {name: _merged(user[name], value) for name, value in changes.items()})
    store.save()
    return user


def add_phone_number(store: Store, user: User, number: Any, primary: bool) -> dict[str, Any]:
    """POST /v1/phone_numbers: numbers in E.164."""
    if not isinstance(number, str) or not PHONE.fullmatch(number):
        raise ClerkError(422, "form_param_format_invalid", "must be E.164", "phone_number")
    item = _identification("phone_number", number)
    item |= {"reserved_for_second_factor": False, "default_second_factor": False}
    item["backup_codes"] = None
    changes: dict[str, Any] = {"phone_numbers": [*user["phone_numbers"], item]}
    if primary or not user["phone_numbers"]:
        changes["primary_phone_number_id"] = item["id"]
    touch(user, changes)
    store.save()
    return item


def touch(user: User, changes: dict[str, Any]) -> None:
    """Apply, with an `updated_at` that only grows."""
    user.update(changes)
    user["updated_at"] = max(now_ms(), user["updated_at"] + 1)


def _check(store: Store, user: User, name: str, value: Any) -> None:
    if name in TEXT_FIELDS:
        if value is not None and not isinstance(value, str):
            raise ClerkError(422, "form_param_format_invalid", f"{name} must be a string", name)
        if value is not None and len(value) > NAME_LENGTH:
            raise ClerkError(422, "form_param_max_length_exceeded", f"{name} is too long", name)
        if name == "username" and value and _username_taken(store, user, value):
            raise ClerkError(422, "form_identifier_exists", "That username is taken.", name)
    elif name in METADATA_FIELDS:
        if not isinstance(value, dict):
            raise ClerkError(422, "form_param_format_invalid", f"{name} must be an object", name)
    elif name in PRIMARY_FIELDS:
        if value not in [item["id"] for item in user[PRIMARY_FIELDS[name]]]:
            raise ClerkError(404, "resource_not_found", "not found", name)
    else:
        raise ClerkError(422, "form_param_unknown", f"{name} is not a valid parameter", name)


def _username_taken(store: Store, user: User, username: str) -> bool:
    others = (other for other in store.users.values() if other["id"] != user["id"])
    return any(other["username"] == username for other in others)


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    merged = dict(old)
    for key, value in new.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _merged(merged[key], value)
        else:
            merged[key] = value
    return merged
