"""The public HTTP of ws-hub."""

from kit.endpoint import Endpoint
from ws_hub.routes import commands, file_endpoints


def endpoints() -> list[Endpoint]:
    """Every endpoint, as data; the handlers find what they work with in `app.state`."""
    return [*commands.endpoints(), *file_endpoints.endpoints()]
