"""The gateway's own paths are described as they are."""

from typing import Any

import pytest
from starlette.requests import Request

from gateway.endpoints import ENDPOINTS
from gateway.routes import RouteTable
from kit.caller import ANONYMOUS
from kit.endpoint import Call
from kit.errors import Internal
from kit.openapi import describe
from tests.gateway.running_gateway import Stack


def test_each_description_is_of_a_route() -> None:
    table = RouteTable()
    for endpoint in ENDPOINTS:
        path = endpoint.path.replace("{id}", "a").replace("{port}", "1").replace("{path}", "x")
        found = table.find(path.encode())
        assert found is not None
        assert endpoint.method in found.routes


async def test_the_answers_are_as_described(stack: Stack) -> None:
    described = describe(ENDPOINTS)
    schemas: dict[str, Any] = described["components"]["schemas"]
    health = (await stack.http.get("/health")).json()
    assert set(health) == set(schemas["Health"]["properties"])
    assert set(health["services"]) == set(schemas["Parts"]["properties"])


async def test_a_description_serves_nothing() -> None:
    with pytest.raises(Internal):
        await ENDPOINTS[0].handler(Call(Request({"type": "http"}), ANONYMOUS))
