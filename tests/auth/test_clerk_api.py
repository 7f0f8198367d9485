"""Calls to Clerk: what each answer means, and pauses that it asks for."""

from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import httpx
import pytest

from auth.clerk_api import ClerkApi
from kit.errors import NotFound, Unavailable, ValidationFailed

Answer = Callable[[httpx.Request], httpx.Response]


class FakeClerk:
    """Answers as it is told, and counts."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.calls = 0
        self.now = 100.0
        transport = httpx.MockTransport(self._serve)
        self.api = ClerkApi(
            httpx.AsyncClient(transport=transport, base_url="https://clerk.test"), lambda: self.now
        )

    def _serve(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        return self.answer(request)


def error(status: int, code: str, **more: Any) -> httpx.Response:
    return httpx.Response(status, json={"errors": [{"code": code, "message": "no", **more}]})


async def test_the_id_is_one_segment_of_the_path() -> None:
    seen: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.raw_path)
        return httpx.Response(200, json={"id": "x"})

    await FakeClerk(answer).api.user("../jwks?x=/")
    assert seen == [b"/v1/users/..%2Fjwks%3Fx%3D%2F"]


@pytest.mark.parametrize("header", ["7", formatdate(4_102_444_800, usegmt=True)])
async def test_a_pause_that_clerk_asks_for_is_kept(header: str) -> None:
    clerk = FakeClerk(lambda _: httpx.Response(429, headers={"Retry-After": header}))
    with pytest.raises(Unavailable) as caught:
        await clerk.api.user("user_1")
    assert caught.value.retry_after is not None
    for _ in range(5):
        with pytest.raises(Unavailable):
            await clerk.api.user("user_1")
    assert clerk.calls == 1
    clerk.now += caught.value.retry_after + 1
    clerk.answer = lambda _: httpx.Response(200, json={"id": "user_1"})
    assert await clerk.api.user("user_1") == {"id": "user_1"}
    assert caught.value.retry_after <= 300


@pytest.mark.parametrize("header", ["", "soon", "-1", "Thu, 01 Jan 1970 00:00:00 GMT"])
async def test_a_429_without_a_usable_header_pauses_for_a_second(header: str) -> None:
    clerk = FakeClerk(lambda _: httpx.Response(429, headers={"Retry-After": header}))
    for _ in range(2):
        with pytest.raises(Unavailable):
            await clerk.api.user("user_1")
    assert clerk.calls == 1
    clerk.now += 1.1
    with pytest.raises(Unavailable):
        await clerk.api.user("user_1")
    assert clerk.calls == 2


def refuse_connection(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


@pytest.mark.parametrize(
    "answer",
    [
        refuse_connection,
        lambda _: httpx.Response(500),
        lambda _: httpx.Response(200, text="<html>"),
        lambda _: httpx.Response(200, json=[]),
        lambda _: httpx.Response(404, text="not found"),
        lambda _: httpx.Response(404, json={"errors": "none"}),
        lambda _: error(404, "route_not_found"),
        lambda _: error(401, "clerk_key_invalid"),
        lambda _: error(403, "forbidden"),
    ],
)
async def test_what_is_no_answer_is_unavailable(answer: Answer) -> None:
    with pytest.raises(Unavailable):
        await FakeClerk(answer).api.user("user_1")


async def test_only_clerks_own_word_makes_a_user_unknown() -> None:
    with pytest.raises(NotFound):
        await FakeClerk(lambda _: error(404, "resource_not_found")).api.user("user_1")


@pytest.mark.parametrize(
    ("meta", "field"),
    [
        ({"meta": {"param_name": "first_name"}}, "firstName"),
        ({"meta": {"param_name": "other"}}, "other"),
        ({}, "body"),
    ],
)
async def test_a_refused_value_names_our_field(meta: dict[str, Any], field: str) -> None:
    clerk = FakeClerk(lambda _: error(422, "form_param_format_invalid", **meta))
    with pytest.raises(ValidationFailed) as caught:
        await clerk.api.update_user("user_1", {"first_name": "x"})
    assert caught.value.errors[0].field == field
