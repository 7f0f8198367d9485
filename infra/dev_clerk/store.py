"""What outlives a restart: users and signing keys, in one JSON file."""

import json
import os
import secrets
import string
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.dev_clerk.signing import SigningKey, new_key

User = dict[str, Any]
"""As Clerk's Backend API shows it; made in `users.py`."""

ALPHABET = string.digits + string.ascii_letters
PUBLISHED_KEYS = 8


def new_id(prefix: str) -> str:
    """An id in Clerk's form: a prefix and 27 characters."""
    return f"{prefix}_{''.join(secrets.choice(ALPHABET) for _ in range(27))}"


@dataclass(slots=True)
class Store:
    """All of it in memory; `save` after each change."""

    path: Path
    users: dict[str, User] = field(default_factory=dict)
    keys: list[SigningKey] = field(default_factory=list)
    """The last one signs, all are published."""

    def by_email(self, email: str) -> User | None:
        wanted = email.lower()
        for user in self.users.values():
            if any(item["email_address"] == wanted for item in user["email_addresses"]):
                return user
        return None

    def rotate(self, retire_old: bool) -> SigningKey:
        """A new signing key; the old ones stay published unless they are retired."""
        former = [] if retire_old else self.keys[-(PUBLISHED_KEYS - 1) :]
        self.keys = [*former, new_key(new_id("ins"))]
        self.save()
        return self.keys[-1]

    def save(self) -> None:
        keys = [{"kid": key.kid, "pem": key.pem} for key in self.keys]
        text = json.dumps({"users": list(self.users.values()), "keys": keys}, indent=1)
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.replace(self.path)


def open_store(path: Path) -> Store:
    """The store of the file, or a new one with its first key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    store = Store(path)
    if path.exists():
        data = json.loads(path.read_text(encoding="utf-8"))
        store.users = {user["id"]: user for user in data["users"]}
        store.keys = [SigningKey(item["kid"], item["pem"]) for item in data["keys"]]
    if not store.keys:
        store.rotate(retire_old=False)
    return store
