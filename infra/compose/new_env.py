"""Print a .env for compose.yaml with a new random value for every secret that can be made.

    python -m infra.compose.new_env > .env

What only Clerk knows stays empty, and compose then names it.
"""

import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

MADE = (
    "INTERNAL_SECRET",
    "JWT_SECRET",
    "KEY_PEPPER",
    "POSTGRES_PASSWORD",
    "AUTH_DB_PASSWORD",
    "SANDBOX_DB_PASSWORD",
    "REDIS_PASSWORD",
)
GIVEN = ("CLERK_SECRET_KEY", "CLERK_WEBHOOK_SECRET", "CLERK_ISSUER", "CLERK_AUTHORIZED_PARTIES")
SOCKET = Path("/var/run/docker.sock")


def new_env(given: Mapping[str, str], socket: Path = SOCKET) -> dict[str, str]:
    """The variables; ``given`` goes before what is made. Values are safe inside a URL."""
    made = {name: secrets.token_hex(32) for name in MADE}
    group = {"DOCKER_GID": str(socket.stat().st_gid)} if socket.exists() else {"DOCKER_GID": ""}
    own = {"PUBLIC_URL": "http://localhost:3000", "PREVIEW_DOMAIN": "localhost"}
    names = (*MADE, *GIVEN, *group, *own)
    chosen = {name: given[name] for name in names if given.get(name)}
    return made | dict.fromkeys(GIVEN, "") | group | own | chosen


def main() -> int:
    """Written to standard output: the file's place and mode are the caller's choice."""
    for name, value in new_env(os.environ).items():
        sys.stdout.write(f"{name}={value}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
