"""The public HTTP of ws-hub."""

from dataclasses import replace

from kit.endpoint import Call, Endpoint
from ws_hub.routes import commands, file_endpoints


def endpoints() -> list[Endpoint]:
    """Every endpoint, as data; the handlers find what they work with in `app.state`."""
    found = [*commands.endpoints(), *file_endpoints.endpoints()]
    return [replace(endpoint, exists=_mine) for endpoint in found]


async def _mine(call: Call) -> None:
    """Raises SandboxNotFound before anything is said of the body: who may not see may not know."""
    await commands.board(call).sandboxes.owned(call.caller, call.param("id"))
