"""The development sign-in as a process, and what tests ask of it."""

import contextlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.servers import free_port, running

SECRET_KEY = "sk_test_0d1f2b3c4a5968778695a4b3c2d1e0f9"
PARTY = "http://localhost:3000"


@dataclass(frozen=True, slots=True)
class DevClerk:
    """A running development sign-in."""

    url: str

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The JSON answer of `POST /dev/…`."""
        answer = httpx.post(f"{self.url}{path}", json=dict(body), trust_env=False, timeout=10)
        answer.raise_for_status()
        document: dict[str, Any] = answer.json()
        return document

    def user(self, email: str, **names: str) -> str:
        """Clerk's id of a new user."""
        return str(self.post("/dev/users", {"email": email, **names})["userId"])

    def token(self, clerk_id: str, **options: Any) -> str:
        """A session token; `claims`, `header` and `ttlSeconds` as the sign-in takes them."""
        return str(self.post("/dev/tokens", {"userId": clerk_id, **options})["token"])

    def backend(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """A call of Clerk's Backend API."""
        headers = {"Authorization": f"Bearer {SECRET_KEY}"}
        answer = httpx.request(
            method, f"{self.url}{path}", json=body, headers=headers, trust_env=False
        )
        answer.raise_for_status()
        return answer.json()


@contextlib.contextmanager
def dev_clerk(folder: Path) -> Iterator[DevClerk]:
    """A development sign-in of this run's own."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        "CLERK_STATE": str(folder / "clerk.json"),
        "CLERK_SECRET_KEY": SECRET_KEY,
        "CLERK_ISSUER": url,
        "CLERK_AUTHORIZED_PARTIES": PARTY,
        "PORT": str(port),
    }
    argv = [sys.executable, "-m", "infra.dev_clerk"]
    with running(argv, folder / "clerk.log", port=port, env=environment):
        yield DevClerk(url)
