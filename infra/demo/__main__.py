"""`python -m infra.demo`: exit code 1 when anything came out other than it must."""

import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import httpx

from infra.demo.dialect import DIALECTS
from infra.demo.story import Mismatch, People, story
from infra.engine import DockerError
from infra.stack.env_file import read_env_file
from infra.stack.errors import StackError
from infra.stack.sign_in import SignIn
from insien import Client, InsienError

ROOT = Path(__file__).resolve().parents[2]
USER = "ada@example.com"
STRANGER = "grace@example.com"


class Narrator:
    """Prints each step with its time and its true output."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def tell(self, done: str, outcome: str) -> None:
        now = time.monotonic()
        milliseconds = (now - self._last) * 1000
        self._last = now
        first, *rest = done.splitlines()
        print(f"\n$ {first}{' …' if rest else ''}   ({milliseconds:.0f} ms)")
        for line in outcome.rstrip().splitlines():
            print(f"  {line}", flush=True)


def main() -> int:
    environment = _environment()
    if "INSIEN_API_URL" not in environment or "INSIEN_CLERK_URL" not in environment:
        print("error: the stack is down; make up starts it", file=sys.stderr)
        return 1
    narrator = Narrator()
    api_url = environment["INSIEN_API_URL"]
    sign_in = SignIn(environment["INSIEN_CLERK_URL"], api_url)
    try:
        with ExitStack() as stack:
            clients = [_client(sign_in, api_url, email, narrator) for email in (USER, STRANGER)]
            people = People(*(stack.enter_context(client) for client in clients))
            for dialect in DIALECTS.values():
                print(f"\n=== template {dialect.template} ===")
                story(people, dialect, narrator.tell)
    except (Mismatch, InsienError, DockerError, StackError, httpx.HTTPError) as error:
        print(f"\nerror: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print("\nAll as it must be.")
    return 0


def _environment() -> dict[str, str]:
    """What is exported, else what `make up` wrote."""
    state = ROOT / (os.environ.get("INSIEN_STATE_DIR") or ".insien")
    return read_env_file(state / "dev.env") | dict(os.environ)


def _client(sign_in: SignIn, api_url: str, email: str, narrator: Narrator) -> Client:
    """Sign in, make a key, and take it from there."""
    token = sign_in.session_token(email)
    narrator.tell(f"sign in as {email}", f"session token {token[:16]}…")
    answer = httpx.post(
        f"{api_url}/api/keys",
        json={"name": "Demo", "expiresInDays": 1},
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
        trust_env=False,
    )
    if answer.status_code != 201:
        raise Mismatch(f"POST /api/keys: {answer.status_code} {answer.text}")
    key = str(answer.json()["apiKey"]["key"])
    narrator.tell("POST /api/keys", f"key {key[:12]}…")
    return Client(api_url, key)


if __name__ == "__main__":
    sys.exit(main())
