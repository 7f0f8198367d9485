"""Users of the development sign-in, their sessions and their keys."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from infra.stack.sign_in import SignIn
from insien import Client
from tests.e2e.stack import Stack


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody new, who has signed in."""

    stack: Stack
    session: str

    def api(self, **headers: str) -> httpx.Client:
        """Raw HTTP as this person; other headers replace the session."""
        return raw(self.stack, headers or {"Authorization": f"Bearer {self.session}"})

    def key(self, **more: Any) -> dict[str, Any]:
        """A new key: what POST /api/keys says of it."""
        with self.api() as api:
            answer = api.post("/api/keys", json={"name": "e2e"} | more)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()["apiKey"]
        return made

    @contextmanager
    def client(self) -> Iterator[Client]:
        """The SDK with a key of this person; every sandbox left is destroyed."""
        with Client(self.stack.api_url, self.key()["key"], retry_seconds=60) as client:
            yield client
            for sandbox in client.list():
                if sandbox.status not in {"destroyed", "destroying"}:
                    client.get(sandbox.id).destroy()


def raw(stack: Stack, headers: dict[str, str]) -> httpx.Client:
    return httpx.Client(base_url=stack.api_url, headers=headers, timeout=90, trust_env=False)


def somebody(stack: Stack) -> Person:
    email = f"{secrets.token_hex(6)}@example.com"
    return Person(stack, SignIn(stack.clerk_url, stack.api_url).session_token(email))
