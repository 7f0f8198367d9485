"""Requests through the door: routing, credentials, headers, streaming."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from gateway.routes import PROXY_PATH, ROUTES, Route
from kit.caller import Caller
from kit.errors import Internal
from tests.gateway.fake_rpc import Person
from tests.gateway.fake_service import CHUNK
from tests.gateway.keys import make_key
from tests.gateway.running_gateway import Stack

SERVICES = [route for route in ROUTES if route.upstream != "gateway"]


def concrete(route: Route) -> str:
    return route.path.replace("{id}", "abc-1").replace("{port}", "8000").replace("{pid}", "7")


def fields(answer: httpx.Response) -> dict[str, str]:
    headers: dict[str, str] = dict(answer.json()["headers"])
    return headers


@pytest.mark.parametrize("route", SERVICES, ids=lambda route: f"{route.method} {route.path}")
async def test_each_route_reaches_its_service(stack: Stack, route: Route) -> None:
    person = stack.rpc.person()
    shown = person.session_headers if route.credential == "session" else person.headers
    if route.credential == "none":
        shown = {}
    answer = await stack.http.request(route.method, concrete(route) + "?a=%2F&b", headers=shown)
    assert answer.status_code == 200
    seen = answer.json()
    assert (seen["method"], seen["path"], seen["query"]) == (
        route.method,
        concrete(route),
        "a=%2F&b",
    )
    if route.credential != "none":
        caller = stack.callers.verify(fields(answer)["x-insien-caller"])
        assert (caller.user_id, caller.address) == (person.user_id, "127.0.0.1")
        assert caller.kind == ("session" if route.credential == "session" else "key")


@pytest.mark.parametrize(
    "route",
    [route for route in ROUTES if route.credential != "none" and route.path != PROXY_PATH],
    ids=lambda route: f"{route.method} {route.path}",
)
async def test_no_route_opens_without_a_valid_credential(stack: Stack, route: Route) -> None:
    shown: list[dict[str, str]] = [
        {},
        {"X-API-Key": "nonsense"},
        {"X-API-Key": make_key()},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Basic dTpw"},
    ]
    for headers in shown:
        answer = await stack.http.request(route.method, concrete(route), headers=headers)
        assert answer.status_code == 401
        assert answer.json()["code"] == "unauthenticated"
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("route", SERVICES, ids=lambda route: f"{route.method} {route.path}")
async def test_each_route_asks_for_its_scope(stack: Stack, route: Route) -> None:
    if not route.scope:
        return
    other = "sandbox:write" if route.scope == "sandbox:read" else "sandbox:read"
    person = stack.rpc.person((other,))
    answer = await stack.http.request(route.method, concrete(route), headers=person.headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


@pytest.mark.parametrize("path", ["/api/users/me", "/api/keys", "/api/audit"])
async def test_a_key_opens_nothing_of_a_person(stack: Stack, person: Person, path: str) -> None:
    answer = await stack.http.get(path, headers=person.headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


async def test_a_key_may_come_as_bearer(stack: Stack, person: Person) -> None:
    shown = {"Authorization": f"Bearer {person.key}"}
    assert (await stack.http.get("/sandbox", headers=shown)).status_code == 200


async def test_two_credentials_are_ambiguous(stack: Stack, person: Person) -> None:
    both = person.headers | person.session_headers
    answer = await stack.http.get("/sandbox", headers=both)
    assert (answer.status_code, answer.json()["code"]) == (400, "ambiguous_credentials")


@pytest.mark.parametrize("name", ["X-API-Key", "Authorization", "X-Insien-Token"])
async def test_a_doubled_header_is_refused(stack: Stack, person: Person, name: str) -> None:
    doubled = [(name, "1"), (name, "1")]
    shown = [item for item in person.headers.items() if item[0] != name]
    answer = await stack.http.get("/sandbox", headers=[*shown, *doubled])
    assert answer.status_code == 400


async def test_no_credential_is_taken_from_a_query(stack: Stack, person: Person) -> None:
    answer = await stack.http.get(f"/sandbox?X-API-Key={person.key}&api_key={person.key}")
    assert answer.status_code == 401


async def test_a_wrong_checksum_asks_nobody(stack: Stack) -> None:
    key = make_key()
    wrong = key[:-1] + ("1" if key[-1] == "0" else "0")
    before = len(stack.rpc.asked)
    assert (await stack.http.get("/sandbox", headers={"X-API-Key": wrong})).status_code == 401
    assert len(stack.rpc.asked) == before


async def test_a_key_of_the_earlier_product_is_asked_for(stack: Stack) -> None:
    earlier = "isk_" + "0a" * 32
    assert (await stack.http.get("/sandbox", headers={"X-API-Key": earlier})).status_code == 401
    assert earlier in stack.rpc.asked


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/nope",
        "/sandbox/",
        "//sandbox",
        "/sandbox//status",
        "/sandbox/../api/keys",
        "/sandbox/%2e%2e/api/keys",
        "/sandbox/abc%2Fstatus",
        "/sandbox/abc/st%61tus",
        "/SANDBOX",
        "/metrics",
        "/readyz",
        "/sandbox/\\abc/status",
        "/sandbox/a;b/status",
        "/sandbox/caf%C3%A9/status",
    ],
)
async def test_a_path_that_is_not_spelled_right_is_nobodys(
    stack: Stack, person: Person, path: str
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", stack.port)
    head = f"GET {path} HTTP/1.1\r\nHost: a\r\nX-API-Key: {person.key}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode())
    answer = await reader.read()
    writer.close()
    assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400"))


async def test_another_method_is_told_what_is_allowed(stack: Stack) -> None:
    answer = await stack.http.put("/sandbox/create")
    assert (answer.status_code, answer.headers["allow"]) == (405, "OPTIONS, POST")
    assert answer.json()["code"] == "method_not_allowed"
    assert (await stack.http.options("/sandbox")).headers["allow"] == "GET, HEAD, OPTIONS"


async def test_head_is_get_without_a_body(stack: Stack, person: Person) -> None:
    for _ in range(3):
        answer = await stack.http.head("/sandbox", headers=person.headers)
        assert (answer.status_code, answer.content) == (200, b"")
        assert int(answer.headers["content-length"]) > 0


async def test_internal_headers_never_get_in(stack: Stack, person: Person) -> None:
    forged = stack.callers.mint(Caller("session", user_id="forged"))
    shown = person.headers | {
        "X-Insien-Caller": forged,
        "x_insien_caller": forged,
        "X-Insien_Internal": "1",
        "X-Forwarded-For": "9.9.9.9",
        "X_Forwarded-Proto": "https",
        "Forwarded": "for=9.9.9.9",
        "X-Real-IP": "9.9.9.9",
        "Connection": "close, X-Secret-Hop",
        "X-Secret-Hop": "1",
        "TE": "trailers",
        "Proxy-Authorization": "x",
        "X-Kept": "yes",
        "Cookie": "a=b",
    }
    answer = await stack.http.get("/sandbox", headers=shown)
    seen = answer.json()["headers"]
    names = [name for name, _ in seen]
    values = dict(seen)
    assert names.count("x-insien-caller") == 1
    assert stack.callers.verify(values["x-insien-caller"]).user_id == person.user_id
    assert values["x-forwarded-for"] == "127.0.0.1"
    assert values["x-kept"] == "yes"
    assert not {"x-api-key", "te", "forwarded", "x-real-ip", "x-secret-hop"} & set(names)
    assert not [name for name in names if "_" in name]


async def test_request_ids_are_kept_when_well_formed(stack: Stack, person: Person) -> None:
    kept = await stack.http.get("/sandbox", headers=person.headers | {"X-Request-Id": "abcd-1234"})
    assert kept.headers["x-request-id"] == fields(kept)["x-request-id"] == "abcd-1234"
    new = await stack.http.get("/sandbox", headers=person.headers | {"X-Request-Id": "a b"})
    assert len(new.headers["x-request-id"]) == 32


async def test_a_trace_is_continued_and_an_invalid_one_replaced(
    stack: Stack, person: Person
) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    given = person.headers | {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    kept = fields(await stack.http.get("/sandbox", headers=given))["traceparent"]
    assert kept.split("-")[1] == trace
    assert kept.split("-")[2] != "00f067aa0ba902b7"
    wrong = person.headers | {"traceparent": f"00-{'0' * 32}-00f067aa0ba902b7-01"}
    assert "0" * 32 not in fields(await stack.http.get("/sandbox", headers=wrong))["traceparent"]


async def test_answers_are_never_stored_and_carry_the_security_set(
    stack: Stack, person: Person
) -> None:
    answer = await stack.http.get("/sandbox", headers=person.headers)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "strict-transport-security" not in answer.headers
    own = await stack.http.get(
        "/sandbox?headers=" + json.dumps({"Cache-Control": "max-age=9"}), headers=person.headers
    )
    assert own.headers["cache-control"] == "max-age=9"


@pytest.mark.parametrize("status", [204, 304, 404, 409, 500])
async def test_a_status_comes_through(stack: Stack, person: Person, status: int) -> None:
    answer = await stack.http.get(f"/sandbox?status={status}", headers=person.headers)
    assert answer.status_code == status
    again = await stack.http.get("/sandbox", headers=person.headers)
    assert again.status_code == 200


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 5_000_000])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_arrives_whole(stack: Stack, person: Person, size: int, chunked: bool) -> None:
    body = b"x" * size

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, size, 100_000):
            yield body[start : start + 100_000]

    content = pieces() if chunked else body
    answer = await stack.http.put("/sandbox/abc/files", content=content, headers=person.headers)
    assert answer.json()["size"] == size
    assert answer.json()["sha256"] == hashlib.sha256(body).hexdigest()


async def test_a_long_answer_comes_whole(stack: Stack, person: Person) -> None:
    answer = await stack.http.get("/sandbox/abc/files?stream=100", headers=person.headers)
    assert answer.content == CHUNK * 100


async def test_a_slow_caller_slows_the_service(stack: Stack, person: Person) -> None:
    stack.service.sent_chunks = 0
    path = "/sandbox/abc/files?stream=2000"
    async with stack.http.stream("GET", path, headers=person.headers) as answer:
        pieces = answer.aiter_raw()
        await anext(pieces)
        before = -1
        while before != stack.service.sent_chunks:
            before = stack.service.sent_chunks
            await asyncio.sleep(0.2)
        assert before < 1000  # the rest waits: 2,000 chunks are 128 MiB


async def test_a_caller_that_leaves_ends_the_request_behind(stack: Stack, person: Person) -> None:
    stack.service.left.clear()
    path = "/sandbox/abc/files?stream=1000000"
    async with stack.http.stream("GET", path, headers=person.headers) as answer:
        await anext(answer.aiter_raw())
    await asyncio.wait_for(stack.service.left.wait(), 10)


async def test_auth_down_is_unavailable(stack: Stack) -> None:
    stack.rpc.failure = Internal("defect")
    answer = await stack.http.get("/sandbox", headers={"X-API-Key": make_key()})
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"] == "1"


async def test_a_client_path_without_an_upgrade_is_refused(stack: Stack, person: Person) -> None:
    answer = await stack.http.get("/client/abc", headers=person.headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
