"""The internal port: /livez, /readyz and /metrics."""

from collections.abc import Callable, Mapping

from starlette.applications import Starlette
from starlette.types import ASGIApp

from kit import health


def create_app(checks: Mapping[str, health.Check], draining: Callable[[], bool]) -> ASGIApp:
    """Ready while every check passes and the public port is not being drained."""

    async def serving() -> None:
        if draining():
            raise ConnectionError("draining")

    return Starlette(routes=health.routes({"serving": serving, **checks}))
