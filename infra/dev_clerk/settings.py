"""Settings of the development sign-in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ClerkSettings:
    state: Path
    """CLERK_STATE: the file that keeps users and keys over a restart."""
    secret_key: str = field(repr=False)
    """CLERK_SECRET_KEY: what the Backend API wants as a bearer."""
    issuer: str
    """CLERK_ISSUER: `iss` of every token."""
    parties: tuple[str, ...]
    """CLERK_AUTHORIZED_PARTIES, comma-separated; the first is a token's `azp`. May be empty."""
    host: str = "127.0.0.1"
    port: int = 8084
    listen_fd: int | None = None
    """LISTEN_FD: a socket that listens already; None binds host and port."""


def clerk_settings(environ: Mapping[str, str]) -> ClerkSettings:
    """SystemExit names what is missing."""
    secret = environ.get("CLERK_SECRET_KEY", "")
    if not secret:
        raise SystemExit("CLERK_SECRET_KEY is not set")
    port = int(environ.get("PORT") or 8084)
    parties = environ.get("CLERK_AUTHORIZED_PARTIES", "").split(",")
    return ClerkSettings(
        state=Path(environ.get("CLERK_STATE") or ".insien/clerk.json"),
        secret_key=secret,
        issuer=environ.get("CLERK_ISSUER") or f"http://127.0.0.1:{port}",
        parties=tuple(party.strip() for party in parties if party.strip()),
        host=environ.get("HOST") or "127.0.0.1",
        port=port,
        listen_fd=int(environ["LISTEN_FD"]) if environ.get("LISTEN_FD") else None,
    )
