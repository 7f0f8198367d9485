"""Settings from the environment: read once, at the start, or the process says what is wrong."""

import sys
from collections.abc import Callable
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

_WEAK = ("changeme", "change-me", "secret", "password", "example", "default")
LEAST_SECRET_CHARACTERS = 32


def _strong(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if len(text) < LEAST_SECRET_CHARACTERS:
        raise ValueError(f"is weak: at least {LEAST_SECRET_CHARACTERS} characters are needed")
    if len(set(text)) < 8 or text.lower().startswith(_WEAK) or _repeats(text):
        raise ValueError("is weak: use a random value, such as `openssl rand -base64 32` prints")
    return value


def _repeats(text: str) -> bool:
    """Whether it is one shorter text, again and again."""
    return any(text[period:] == text[:-period] for period in range(1, len(text) // 2 + 1))


def _url_of(*schemes: str) -> Callable[[SecretStr], SecretStr]:
    def check(value: SecretStr) -> SecretStr:
        try:
            parts = urlsplit(value.get_secret_value())
            known = parts.scheme in schemes and (parts.port or 0) >= 0
        except ValueError:  # its port is none
            known = False
        if not known:
            raise ValueError(f"is not a URL that begins with {schemes[0]}://")
        return value

    return check


StrongSecret = Annotated[SecretStr, AfterValidator(_strong)]
"""A secret that signs or derives: 32 characters or more, not a placeholder; does not print."""
PortNumber = Annotated[int, Field(ge=0, le=65535)]
"""A port to listen on; 0 takes any free one."""
RedisUrl = Annotated[SecretStr, AfterValidator(_url_of("redis", "rediss", "unix"))]
PostgresUrl = Annotated[SecretStr, AfterValidator(_url_of("postgresql", "postgres"))]


class Settings(BaseSettings):
    """What every service is told. An empty variable counts as one that is not set."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    host: str = "127.0.0.1"
    """Address that the service's ports are bound to."""
    log_level: str = "info"
    """debug, info, warning or error."""
    deployment: str = "insien"
    """Name of this deployment: label of its containers, so that two can share one engine."""
    internal_secret: StrongSecret
    """Shared by the services: authenticates internal calls and signs callers' identities."""
    redis_url: RedisUrl
    """Where Redis is, `redis://…`; may carry a password."""


S = TypeVar("S", bound=BaseSettings)


def load(settings: type[S]) -> S:
    """Reads the settings, or prints one line for each wrong variable and exits with status 2."""
    try:
        return settings()
    except ValidationError as error:
        for item in error.errors(include_input=False, include_url=False):
            name = str(item["loc"][0]).upper() if item["loc"] else "settings"
            message = "is not set" if item["type"] == "missing" else item["msg"]
            print(f"configuration: {name} {message.removeprefix('Value error, ')}", file=sys.stderr)  # noqa: T201  (logging is not set up yet)
        raise SystemExit(2) from None
