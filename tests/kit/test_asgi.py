"""Endpoints served by a real uvicorn: callers, scopes, validation, methods, ids, defects."""

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator
from typing import Annotated

import httpx
import pytest
import pytest_asyncio
from pydantic import Field

from kit.asgi import create_app
from kit.caller import HEADER, Caller, CallerTokens, Kind
from kit.endpoint import Call, Endpoint, Model
from kit.errors import Unavailable
from kit.health import routes as health_routes
from kit.openapi import describe
from kit.serve import http_server

SECRET = "kH7x2mQv9Lr4Tz8Wn3Bc6Yd1Fs5Gj0Pa"
TOKENS = CallerTokens(SECRET)


class Thing(Model):
    thing_name: str


class Page(Model):
    limit: int = 10
    after: Annotated[str, Field(max_length=5)] | None = None
    labels: dict[str, str] = Field(default_factory=dict)


async def _make(call: Call) -> Thing:
    name: str = call.body.thing_name
    return Thing.model_validate({"thingName": name.upper()})


async def _read(call: Call) -> Thing:
    return Thing.model_validate({"thingName": f"{call.param('id')}:{call.query.limit}"})


async def _break(call: Call) -> Thing:
    raise RuntimeError("defect")


async def _refuse(call: Call) -> Thing:
    raise Unavailable("not now", retry_after=2)


def _endpoints() -> list[Endpoint]:
    return [
        Endpoint(
            "POST",
            "/things",
            _make,
            "Make",
            scope="things:write",
            body=Thing,
            response=Thing,
            status=201,
            example={"thingName": "a"},
        ),
        Endpoint(
            "GET", "/things/{id}", _read, "Read", scope="things:read", query=Page, response=Thing
        ),
        Endpoint("GET", "/me", _read, "Me", credential="session", query=Page),
        Endpoint("GET", "/break", _break, "Break", credential="none"),
        Endpoint("GET", "/refuse", _refuse, "Refuse", credential="none"),
    ]


async def _ok() -> None:
    return None


async def _down() -> None:
    raise ConnectionError("refused")


async def _hang() -> None:
    await asyncio.sleep(60)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    checks = {"good": _ok, "bad": _down, "slow": _hang}
    app = create_app(_endpoints(), TOKENS, internal=health_routes(checks))
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        server = http_server(app)
        serving = asyncio.create_task(server.serve(sockets=[bound]))
        base = f"http://127.0.0.1:{bound.getsockname()[1]}"
        async with httpx.AsyncClient(base_url=base) as made:
            while True:
                with contextlib.suppress(httpx.TransportError):
                    await made.get("/livez")
                    break
            yield made
        server.should_exit = True
        await serving


def _as(kind: Kind, *scopes: str) -> Caller:
    return Caller(kind, "u", scopes=frozenset(scopes))


def _headers(caller: Caller | str) -> dict[str, str]:
    """Minted when the test runs: a caller header lives for 60 s. Text is sent as it is."""
    if isinstance(caller, str):
        return {HEADER: caller} if caller else {}
    return {HEADER: TOKENS.mint(caller)}


async def test_a_body_is_parsed_and_an_answer_rendered(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/things", json={"thingName": "a"}, headers=_headers(_as("key", "things:write"))
    )
    assert (answer.status_code, answer.json()) == (201, {"thingName": "A"})
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("method", "path", "caller", "status", "code"),
    [
        ("POST", "/things", "", 401, "unauthenticated"),
        ("POST", "/things", "forged", 401, "unauthenticated"),
        ("POST", "/things", _as("key", "things:read"), 403, "scope_missing"),
        ("GET", "/me", _as("key"), 403, "scope_missing"),
        ("GET", "/things/1", _as("token", "things:read"), 403, "scope_missing"),
        ("GET", "/nothing", "", 404, "not_found"),
        ("PUT", "/things", "", 405, "method_not_allowed"),
        ("GET", "/things/1?limit=x", _as("key", "things:read"), 400, "validation_failed"),
        ("GET", "/things/1?more=1", _as("key", "things:read"), 400, "validation_failed"),
        ("GET", "/refuse", "", 503, "unavailable"),
        ("GET", "/break", "", 500, "internal"),
    ],
)
async def test_every_refusal_is_a_problem(
    client: httpx.AsyncClient,
    method: str,
    path: str,
    caller: Caller | str,
    status: int,
    code: str,
) -> None:
    headers = _headers(caller) | {"X-Request-Id": "mine-12345"}
    answer = await client.request(method, path, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == answer.json()["requestId"] == "mine-12345"


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"{", {}, 400, "invalid_json"),
        (b"", {}, 400, "invalid_json"),
        (b"{}", {"Content-Type": "text/xml"}, 415, "unsupported_media_type"),
        (b'"' + b"x" * 1024 * 1024 + b'"', {}, 413, "body_too_large"),
        (b'{"thingName": "\\u0000"}', {}, 400, "validation_failed"),
    ],
)
async def test_a_body_that_is_no_good_is_refused(
    client: httpx.AsyncClient, content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    sent = {"Content-Type": "application/json"} | headers | _headers(_as("key", "things:write"))
    answer = await client.post("/things", content=content, headers=sent)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_body_without_a_length_is_bounded_too(client: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 100_000

    answer = await client.post(
        "/things", content=endless(), headers=_headers(_as("key", "things:write"))
    )
    assert answer.status_code == 413


async def test_other_methods_are_told(client: httpx.AsyncClient) -> None:
    assert (await client.delete("/things")).headers["allow"] == "POST"


async def test_an_ill_formed_request_id_is_replaced(client: httpx.AsyncClient) -> None:
    answer = await client.get("/livez", headers={"X-Request-Id": "no spaces please"})
    assert len(answer.headers["x-request-id"]) == 32


async def test_retry_after_is_sent(client: httpx.AsyncClient) -> None:
    assert (await client.get("/refuse")).headers["retry-after"] == "2"


async def test_readiness_names_what_is_down(client: httpx.AsyncClient) -> None:
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {
        "good": "ok",
        "bad": "ConnectionError: refused",
        "slow": "timeout",
    }


async def test_metrics_are_served(client: httpx.AsyncClient) -> None:
    assert "python_info" in (await client.get("/metrics")).text


def test_the_description_follows_from_the_endpoints() -> None:
    found = describe(_endpoints())
    make = found["paths"]["/things"]["post"]
    assert make["x-required-scope"] == "things:write"
    assert make["requestBody"]["content"]["application/json"]["example"] == {"thingName": "a"}
    assert {"201", "400", "401", "403", "413", "415"} <= make["responses"].keys()
    read = found["paths"]["/things/{id}"]["get"]
    id_, _, after, labels = read["parameters"]
    assert id_["name"] == "id"
    assert after["schema"] == {"title": "After", "type": "string", "maxLength": 5}
    assert (labels["style"], labels["explode"]) == ("form", True)
    assert re.search(labels["schema"]["propertyNames"]["pattern"], "labels.a")
    assert found["paths"]["/break"]["get"]["security"] == []
    assert found["paths"]["/me"]["get"]["security"] == [{"session": []}]
