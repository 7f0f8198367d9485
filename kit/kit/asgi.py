"""From endpoints to an ASGI application: routing, callers, validation, problems, request ids."""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kit import problems
from kit.caller import ANONYMOUS, HEADER, Caller, CallerTokens
from kit.context import accept_request_id, accept_traceparent
from kit.endpoint import Call, Endpoint
from kit.errors import Failure, Internal, MethodNotAllowed, NotFound, ScopeMissing
from kit.parse import check, read_json, read_query
from kit.paths import Paths

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
    rest = Starlette(
        routes=[*internal],
        lifespan=lifespan,
        exception_handlers={Failure: _on_failure, HTTPException: _on_http, Exception: _on_defect},
    )
    rest.router.redirect_slashes = False
    return RequestContext(Endpoints(endpoints, callers, rest))


def json_response(model: BaseModel, status: int = 200) -> Response:
    """A model as JSON in its public spelling; never cached."""
    return Response(
        model.model_dump_json(by_alias=True),
        status,
        {"Cache-Control": "no-store"},
        "application/json",
    )


class Endpoints:
    """Serves the endpoints themselves, and everything else by `rest`.

    The framework's own way, through its router, middleware and two wrappers, costs as much again
    as answering.
    """

    def __init__(
        self, endpoints: Sequence[Endpoint], callers: CallerTokens, rest: Starlette
    ) -> None:
        self._callers = callers
        self._rest = rest
        self._paths: Paths[dict[str, Endpoint]] = Paths()
        by_path: dict[str, dict[str, Endpoint]] = {}
        for endpoint in endpoints:
            by_path.setdefault(endpoint.path, {})[endpoint.method] = endpoint
        for path, methods in by_path.items():
            self._paths.add(path, methods)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._paths.find(scope["path"]) if scope["type"] == "http" else None
        if found is None:
            await self._rest(scope, receive, send)
            return
        methods, scope["path_params"] = found
        scope["app"] = self._rest
        method = scope["method"]
        endpoint = methods.get("GET" if method == "HEAD" and "HEAD" not in methods else method)
        if endpoint is None:
            allow = ", ".join(sorted(methods))
            raise MethodNotAllowed(f"This path takes {allow}.", headers=[("Allow", allow)])
        answer = await _serve(endpoint, Request(scope, receive, send), self._callers)
        await answer(scope, receive, send)


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
    return problems.response(_defect())


def _defect() -> Internal:
    return Internal("Something went wrong on our side; it has been logged.")


class RequestContext:
    """Gives every request its id and trace context; answers with refusals, and logs defects."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        chosen = _accept_context(scope["headers"])
        field = (b"x-request-id", chosen.encode())
        started = False

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message["headers"], field]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except ClientDisconnect:
            logger.info("the caller left", extra={"path": scope["path"]})
        except Exception as error:
            refused = isinstance(error, Failure) and not started
            if not refused:
                logged = {"path": scope["path"], "answered": started}
                logger.exception("request failed", extra=logged)
            if not started:
                failure = error if isinstance(error, Failure) else _defect()
                await problems.response(failure)(scope, receive, send_with_id)


def _accept_context(headers: Sequence[tuple[bytes, bytes]]) -> str:
    """Takes over the request's trace context and its id, which it returns."""
    given = trace = None
    for name, value in headers:
        if name == b"x-request-id":
            given = value.decode("latin-1")
        elif name == b"traceparent":
            trace = value.decode("latin-1")
    accept_traceparent(trace)
    return accept_request_id(given)
