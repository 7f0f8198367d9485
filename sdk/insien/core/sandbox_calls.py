"""The calls about sandboxes and their lives."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

import httpx

from insien.core.call import Call, nothing, sandbox_path
from insien.models import (
    Access,
    AccessToken,
    CreateOptions,
    Event,
    Metrics,
    Port,
    Status,
    Template,
)

T = TypeVar("T")

CREATE_SECONDS = 180.0
"""A cold start on a busy machine; the server gives up before."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    items: tuple[T, ...]
    next_cursor: str | None


def create(template: str | None, options: CreateOptions) -> Call[str]:
    """Gives the new sandbox's id; repeatable, for it always carries an Idempotency-Key."""
    body: dict[str, Any] = {
        "template": template,
        "timeoutSeconds": options.get("timeout_seconds"),
        "env": options.get("env"),
        "metadata": options.get("metadata"),
        "resources": options.get("resources"),
        "network": options.get("network"),
        "wait": options.get("wait"),
    }
    key = options.get("idempotency_key") or str(uuid.uuid4())
    return Call(
        "POST",
        "/sandbox/create",
        _sandbox_id,
        json={name: value for name, value in body.items() if value is not None},
        headers={"Idempotency-Key": key},
        read_seconds=CREATE_SECONDS,
    )


def sandboxes(
    status: str | None, metadata: Mapping[str, str] | None, cursor: str | None
) -> Call[Page[Status]]:
    params = {f"metadata.{key}": value for key, value in (metadata or {}).items()}
    if status:
        params["status"] = status
    return _page("/sandbox", "sandboxes", Status.from_json, params, cursor)


def events(sandbox_id: str, cursor: str | None) -> Call[Page[Event]]:
    return _page(sandbox_path(sandbox_id, "events"), "events", Event.from_json, {}, cursor)


def status(sandbox_id: str) -> Call[Status]:
    return Call("GET", sandbox_path(sandbox_id, "status"), _status)


def extend(sandbox_id: str, timeout_seconds: int) -> Call[Status]:
    body = {"timeoutSeconds": timeout_seconds}
    return Call("POST", sandbox_path(sandbox_id, "extend"), _status, json=body)


def pause(sandbox_id: str) -> Call[Status]:
    return Call("POST", sandbox_path(sandbox_id, "pause"), _status)


def resume(sandbox_id: str) -> Call[Status]:
    return Call("POST", sandbox_path(sandbox_id, "resume"), _status)


def destroy(sandbox_id: str) -> Call[None]:
    return Call("POST", sandbox_path(sandbox_id, "destroy"), nothing)


def expose(sandbox_id: str, port: int, access: Access) -> Call[Port]:
    body = {"containerPort": port, "access": access}
    return Call("POST", sandbox_path(sandbox_id, "expose"), _port, json=body)


def close_port(sandbox_id: str, port: int) -> Call[None]:
    return Call("DELETE", sandbox_path(sandbox_id, "expose", str(port)), nothing)


def ports(sandbox_id: str) -> Call[tuple[Port, ...]]:
    parse = partial(_items, name="ports", read=Port.from_json)
    return Call("GET", sandbox_path(sandbox_id, "ports"), parse)


def metrics(sandbox_id: str) -> Call[Metrics]:
    return Call("GET", sandbox_path(sandbox_id, "metrics"), _metrics)


def token(sandbox_id: str, ttl_seconds: int, port: int | None) -> Call[AccessToken]:
    body = {"ttlSeconds": ttl_seconds} | ({"containerPort": port} if port is not None else {})
    return Call("POST", sandbox_path(sandbox_id, "token"), _token, json=body)


def templates() -> Call[tuple[Template, ...]]:
    parse = partial(_items, name="templates", read=Template.from_json)
    return Call("GET", "/api/templates", parse)


def limits() -> Call[dict[str, Any]]:
    return Call("GET", "/api/limits", _limits)


def _page(
    path: str,
    name: str,
    read: Callable[[Mapping[str, Any]], T],
    params: dict[str, str],
    cursor: str | None,
) -> Call[Page[T]]:
    def parse(response: httpx.Response) -> Page[T]:
        return Page(_items(response, name, read), response.json().get("nextCursor"))

    return Call("GET", path, parse, params=params | ({"cursor": cursor} if cursor else {}))


def _items(
    response: httpx.Response, name: str, read: Callable[[Mapping[str, Any]], T]
) -> tuple[T, ...]:
    return tuple(read(item) for item in response.json()[name])


def _sandbox_id(response: httpx.Response) -> str:
    return str(response.json()["sandboxId"])


def _status(response: httpx.Response) -> Status:
    return Status.from_json(response.json())


def _port(response: httpx.Response) -> Port:
    return Port.from_json(response.json())


def _metrics(response: httpx.Response) -> Metrics:
    return Metrics.from_json(response.json())


def _token(response: httpx.Response) -> AccessToken:
    return AccessToken.from_json(response.json())


def _limits(response: httpx.Response) -> dict[str, Any]:
    return {key: value for key, value in response.json().items() if key != "success"}
