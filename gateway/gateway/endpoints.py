"""The gateway's own paths as endpoints, for the OpenAPI document; the door itself serves them."""

from typing import Any, Literal

from pydantic import ConfigDict
from starlette.responses import Response

from kit.endpoint import Call, Endpoint, Model
from kit.errors import Internal


class Parts(Model):
    """Each `ok`, or the reason."""

    auth: str
    sandbox: str
    ws_hub: str
    postgres: str
    redis: str
    docker: str


class Health(Model):
    """Whether the whole is well."""

    status: Literal["ok", "degraded"]
    version: str
    timestamp: str
    services: Parts


class Document(Model):
    """An OpenAPI 3.1 document."""

    model_config = ConfigDict(extra="allow")

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]


async def _at_the_door(call: Call) -> Response:
    """Described here, served by `gateway.door`."""
    raise Internal("This path is served before routing.")


_PROXIED = ("GET", "POST", "PUT", "PATCH", "DELETE")
_PROXY_ERRORS = (
    "ambiguous_credentials",
    "sandbox_not_found",
    "port_not_exposed",
    "wrong_state",
    "sandbox_destroyed",
    "port_not_listening",
    "agent_disconnected",
)

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        "GET",
        "/health",
        _at_the_door,
        "Whether every part is well; 503 with the same body when one is not",
        credential="none",
        response=Health,
        other_statuses=(503,),
        tag="operations",
    ),
    Endpoint(
        "GET",
        "/openapi.json",
        _at_the_door,
        "This document",
        credential="none",
        response=Document,
        tag="operations",
    ),
    Endpoint(
        "GET",
        "/docs",
        _at_the_door,
        "This document as a page",
        credential="none",
        raw_response=("text/html",),
        tag="operations",
    ),
    *(
        Endpoint(
            method,
            "/sandbox/{id}/proxy/{port}/{path}",
            _at_the_door,
            "A request to what listens on an exposed port; the app answers as it likes",
            credential="either",
            raw_body="" if method == "GET" else "*/*",
            raw_response=("*/*",),
            errors=_PROXY_ERRORS,
            tag="ports",
        )
        for method in _PROXIED
    ),
)
