"""From endpoints to an ASGI application: routing, callers, validation, problems, request ids."""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kit import problems
from kit.caller import ANONYMOUS, HEADER, Caller, CallerTokens
from kit.context import accept_request_id, accept_traceparent
from kit.endpoint import Call, Endpoint
from kit.errors import Failure, Internal, MethodNotAllowed, NotFound, ScopeMissing
from kit.parse import check, read_json, read_query

logger = logging.getLogger(__name__)

Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


def create_app(
    endpoints: Sequence[Endpoint],
    callers: CallerTokens,
    *,
    lifespan: Lifespan | None = None,
    internal: Sequence[BaseRoute] = (),
) -> ASGIApp:
    """The application that serves the endpoints, and `internal` routes that need no caller."""
    by_path: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints:
        by_path.setdefault(endpoint.path, []).append(endpoint)
    routes = [*internal, *(_route(path, group, callers) for path, group in by_path.items())]
    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        exception_handlers={Failure: _on_failure, HTTPException: _on_http, Exception: _on_defect},
    )
    app.router.redirect_slashes = False
    return RequestContext(app)


def json_response(model: BaseModel, status: int = 200) -> Response:
    """A model as JSON in its public spelling; never cached."""
    return Response(
        model.model_dump_json(by_alias=True),
        status,
        {"Cache-Control": "no-store"},
        "application/json",
    )


def _route(path: str, endpoints: list[Endpoint], callers: CallerTokens) -> Route:
    by_method = {endpoint.method: endpoint for endpoint in endpoints}
    allow = ", ".join(sorted(by_method))

    async def dispatch(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" and "HEAD" not in by_method else request.method
        endpoint = by_method.get(method)
        if endpoint is None:
            raise MethodNotAllowed(f"This path takes {allow}.", headers=[("Allow", allow)])
        return await _serve(endpoint, request, callers)

    route = Route(path, dispatch, methods=["GET"])
    route.methods = None  # every method: `dispatch` answers 405 itself
    return route


async def _serve(endpoint: Endpoint, request: Request, callers: CallerTokens) -> Response:
    header = request.headers.get(HEADER)
    caller = callers.verify(header) if header else ANONYMOUS
    _authorise(endpoint, caller)
    try:
        query, body = await _given(endpoint, request)
    except Failure:
        if endpoint.exists is not None:
            await endpoint.exists(Call(request, caller))
        raise
    result = await endpoint.handler(Call(request, caller, body, query))
    return result if isinstance(result, Response) else json_response(result, endpoint.status)


async def _given(endpoint: Endpoint, request: Request) -> tuple[Any, Any]:
    query = check(endpoint.query, read_query(request.query_params)) if endpoint.query else None
    if endpoint.body is None:
        return query, None
    return query, check(endpoint.body, await read_json(request, optional=endpoint.body_optional))


def _authorise(endpoint: Endpoint, caller: Caller) -> None:
    if endpoint.credential == "none":
        return
    caller.require(endpoint.scope)
    if endpoint.credential == "session" and caller.kind != "session":
        raise ScopeMissing("Only a signed-in person may do this, not a key.")
    if endpoint.credential != "session" and caller.kind == "token":
        raise ScopeMissing("A sandbox token opens only a client socket and private ports.")


async def _on_failure(request: Request, error: Exception) -> Response:
    assert isinstance(error, Failure)
    return problems.response(error)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return problems.response(NotFound("There is nothing at this path."))
    raise error


async def _on_defect(request: Request, error: Exception) -> Response:
    return problems.response(Internal("Something went wrong on our side; it has been logged."))


class RequestContext:
    """Gives every request its id and trace context; logs what is answered with a defect."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        chosen = accept_request_id(headers.get(b"x-request-id"))
        accept_traceparent(headers.get(b"traceparent"))
        started = False

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message)["X-Request-Id"] = chosen
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except ClientDisconnect:
            logger.info("the caller left", extra={"path": scope["path"]})
        except Exception:
            # Starlette has answered with 500 if it still could; the log wants it once.
            logger.exception("request failed", extra={"path": scope["path"], "answered": started})
