"""The secrets of one stack: made once, kept in `secrets.env`, the environment's own win."""

import base64
import secrets
from collections.abc import Callable, Mapping

from infra.stack.env_file import read_env_file, write_env_file
from infra.stack.layout import Layout


def _plain() -> str:
    return secrets.token_urlsafe(48)


def _clerk_key() -> str:
    return f"sk_test_{secrets.token_urlsafe(32)}"


def _webhook_secret() -> str:
    """Svix: `whsec_` and the base64 of 24 to 64 random bytes."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


MAKERS: dict[str, Callable[[], str]] = {
    "INTERNAL_SECRET": _plain,
    "JWT_SECRET": _plain,
    "KEY_PEPPER": _plain,
    "CLERK_SECRET_KEY": _clerk_key,
    "CLERK_WEBHOOK_SECRET": _webhook_secret,
    "POSTGRES_PASSWORD": _plain,
    "AUTH_DB_PASSWORD": _plain,
    "SANDBOX_DB_PASSWORD": _plain,
    "REDIS_PASSWORD": _plain,
}


def load_secrets(layout: Layout, environ: Mapping[str, str]) -> dict[str, str]:
    """Every secret by name. What the environment gives is used but not written down."""
    kept = read_env_file(layout.secrets)
    missing = {name: make() for name, make in MAKERS.items() if not kept.get(name)}
    if missing:
        kept |= missing
        write_env_file(layout.secrets, kept)
    return kept | {name: environ[name] for name in MAKERS if environ.get(name)}
