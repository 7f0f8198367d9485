"""What the routes and the RPCs work with, put together by `auth.app`."""

from dataclasses import dataclass

from starlette.applications import Starlette

from auth.audit import Audit
from auth.authentication import Authenticator
from auth.keys import Keys
from auth.users import Users
from auth.webhooks import Webhooks
from kit.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Parts:
    """The use cases."""

    authenticator: Authenticator
    users: Users
    keys: Keys
    webhooks: Webhooks
    audit: Audit


def install(app: Starlette, parts: Parts) -> None:
    """From now on the routes work."""
    app.state.parts = parts


def installed(app: Starlette) -> Parts:
    """The parts. Raises Unavailable while the service waits for PostgreSQL."""
    parts = getattr(app.state, "parts", None)
    if not isinstance(parts, Parts):
        raise Unavailable("The service is starting.", retry_after=1)
    return parts
