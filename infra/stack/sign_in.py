"""A client of the development sign-in and of the public API: the first user, key and token."""

from dataclasses import dataclass

import httpx

from infra.stack.errors import StackError

FIRST_EMAIL = "developer@example.com"
KEY_NAME = "Local development"


@dataclass(frozen=True, slots=True)
class SignIn:
    clerk_url: str
    api_url: str

    def session_token(self, email: str) -> str:
        """A session token for this address; makes the user when there is none yet."""
        with self._client(self.clerk_url) as clerk:
            _checked(clerk.post("/dev/users", json={"email": email}))
            answer = _checked(clerk.post("/dev/tokens", json={"email": email}))
        return str(answer.json()["token"])

    def issue_key(self) -> str:
        """A new API key of the first user; StackError when auth does not take the token."""
        headers = {"Authorization": f"Bearer {self.session_token(FIRST_EMAIL)}"}
        with self._client(self.api_url) as api:
            answer = api.post("/api/keys", json={"name": KEY_NAME}, headers=headers)
        return str(_checked(answer).json()["apiKey"]["key"])

    def is_valid(self, key: str) -> bool:
        with self._client(self.api_url) as api:
            answer = api.get("/sandbox", params={"limit": 1}, headers={"X-API-Key": key})
        return answer.status_code != 401

    def _client(self, url: str) -> httpx.Client:
        return httpx.Client(base_url=url, timeout=30, trust_env=False)


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    request = answer.request
    raise StackError(f"{request.method} {request.url}: {answer.status_code} {answer.text}")
