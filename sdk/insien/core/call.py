"""One request as a value: what to send, how to read the answer, whether it may be sent twice."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx

from insien.errors import Invalid, Problem

T = TypeVar("T")

DEFAULT_READ_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A request that either client can send."""

    method: str
    path: str
    parse: Callable[[httpx.Response], T]
    params: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    """The JSON body; None sends none."""
    content: bytes | Path | None = None
    """The raw body; a path is streamed from that file."""
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True
    """Sending it again after a try that may have arrived does no harm."""
    read_seconds: float | None = DEFAULT_READ_SECONDS
    """How long the server may be silent; None: for ever."""


def segment(text: str) -> str:
    """One path segment: nothing in it can leave its place.

    Invalid for what no encoding can hold there: httpx folds dot segments (RFC 3986 5.2.4).
    """
    if text in {"", ".", ".."}:
        raise Invalid(Problem(f"{text!r} is no id.", "validation_failed"))
    return quote(text, safe="")


def sandbox_path(sandbox_id: str, *rest: str) -> str:
    return "/".join(["/sandbox", segment(sandbox_id), *map(segment, rest)])


def nothing(response: httpx.Response) -> None:
    """The parse of a call whose answer says nothing but that it worked."""


def body(response: httpx.Response) -> bytes:
    return response.content
