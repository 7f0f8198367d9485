"""Endpoints as data: one value says the path, who may call, what goes in and what comes out.

Routing, validation, scopes and the OpenAPI document all follow from the same values.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import Response

from kit.caller import Caller

Credential = Literal["key", "session", "either", "none"]
"""Programs and people (`key`, `either`), people only (`session`), anyone (`none`)."""


class Model(BaseModel):
    """A body, query or answer: camelCase outside, unknown fields refused by name."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        extra="forbid",
        frozen=True,
    )


def left_out_when_none() -> Any:
    """A field of an answer that is not there at all when there is nothing to say."""
    return Field(default=None, exclude_if=lambda value: value is None)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, parsed: path parameters, caller, and body and query as their models."""

    request: Request
    caller: Caller
    body: Any = None
    query: Any = None

    def param(self, name: str) -> str:
        """A path parameter."""
        value: str = self.request.path_params[name]
        return value


Handler = Callable[[Call], Awaitable[Response | BaseModel]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path.

    `scope` is the one needed (empty: none). `body` and `query` are models, `None` when there is
    none; `body_optional` accepts an absent body as `{}`. `raw_body` and `raw_response` are media
    types of bodies that the handler streams itself. `errors` are the codes that it may answer
    with, beyond those every route has. `example` is a body that works. `exists` raises when there
    is nothing at the path for this caller: asked before a bad body or query is told.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    credential: Credential = "key"
    scope: str = ""
    body: type[BaseModel] | None = None
    body_optional: bool = False
    query: type[BaseModel] | None = None
    response: type[BaseModel] | None = None
    status: int = 200
    other_statuses: tuple[int, ...] = ()
    raw_body: str = ""
    raw_response: tuple[str, ...] = ()
    errors: Sequence[str] = ()
    example: dict[str, Any] | None = None
    tag: str = ""
    exists: Callable[[Call], Awaitable[object]] | None = None
    request_headers: dict[str, str] = field(default_factory=dict)
