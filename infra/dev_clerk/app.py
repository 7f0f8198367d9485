"""The application, as a value built in one call."""

from starlette.applications import Starlette

from infra.dev_clerk import clerk_routes, dev_routes
from infra.dev_clerk.clerk_routes import Clerk
from infra.dev_clerk.problems import ClerkError, DevError, clerk_answer, dev_answer
from infra.dev_clerk.settings import ClerkSettings
from infra.dev_clerk.store import open_store


def create_app(settings: ClerkSettings) -> Starlette:
    app = Starlette(
        routes=[*clerk_routes.ROUTES, *dev_routes.ROUTES],
        exception_handlers={ClerkError: clerk_answer, DevError: dev_answer},
    )
    app.state.clerk = Clerk(settings, open_store(settings.state))
    return app
