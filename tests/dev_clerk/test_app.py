"""The development sign-in over HTTP, on a real uvicorn."""

import asyncio
import base64
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
import uvicorn

from infra.dev_clerk.app import create_app
from infra.dev_clerk.settings import ClerkSettings

SECRET = "sk_test_secret"
BEARER = {"Authorization": f"Bearer {SECRET}"}
ISSUER = "http://clerk.example"
PARTY = "http://localhost:3000"


@asynccontextmanager
async def served(state: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = ClerkSettings(state, SECRET, ISSUER, (PARTY, "https://other.example"))
    server = uvicorn.Server(uvicorn.Config(create_app(settings), log_level="error", ws="none"))
    listener = socket.create_server(("127.0.0.1", 0))  # connections wait until it is served
    port = listener.getsockname()[1]
    task = asyncio.create_task(server.serve(sockets=[listener]))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        yield client
    server.should_exit = True
    await task


@pytest.fixture
async def clerk(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with served(tmp_path / "clerk.json") as client:
        yield client


async def make_user(clerk: httpx.AsyncClient, email: str = "ada@example.com") -> str:
    body = {"email": email, "firstName": "Ada", "lastName": "L", "username": email.split("@")[0]}
    answer = await clerk.post("/dev/users", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["userId"])


async def token_of(clerk: httpx.AsyncClient, **body: Any) -> str:
    answer = await clerk.post("/dev/tokens", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["token"])


async def verify(clerk: httpx.AsyncClient, token: str) -> dict[str, Any]:
    """As auth does: by the published key that the header names."""
    keys = (await clerk.get("/.well-known/jwks.json")).json()["keys"]
    kid = jwt.get_unverified_header(token)["kid"]
    key = next(jwt.PyJWK(item) for item in keys if item["kid"] == kid)
    claims: dict[str, Any] = jwt.decode(token, key, algorithms=["RS256"], issuer=ISSUER)
    return claims


async def test_session_token_verifies_against_the_published_keys(clerk: httpx.AsyncClient) -> None:
    user_id = await make_user(clerk)
    token = await token_of(clerk, email="ADA@example.com", ttlSeconds=60)
    header = jwt.get_unverified_header(token)
    assert (header["alg"], header["typ"], header["cat"]) == ("RS256", "JWT", "cl_B7d4PD111AAA")
    claims = await verify(clerk, token)
    assert (claims["sub"], claims["azp"]) == (user_id, PARTY)
    assert claims["exp"] - claims["iat"] == 60
    assert claims["nbf"] <= claims["iat"]
    assert claims["sid"].startswith("sess_")


async def test_both_key_addresses_answer_the_same(clerk: httpx.AsyncClient) -> None:
    first, second = await clerk.get("/.well-known/jwks.json"), await clerk.get("/v1/jwks")
    assert first.json() == second.json()
    assert first.json()["keys"][0]["kty"] == "RSA"
    assert "d" not in first.json()["keys"][0]


async def test_claims_and_header_are_overridden_and_null_removes(clerk: httpx.AsyncClient) -> None:
    user_id = await make_user(clerk)
    token = await token_of(
        clerk,
        userId=user_id,
        claims={"azp": None, "sub": "user_other", "role": "admin"},
        header={"cat": "cl_other", "typ": None},
    )
    claims = await verify(clerk, token)
    assert "azp" not in claims
    assert (claims["sub"], claims["role"]) == ("user_other", "admin")
    header = jwt.get_unverified_header(token)
    assert header["cat"] == "cl_other"
    assert "typ" not in header


async def test_expired_token_can_be_had(clerk: httpx.AsyncClient) -> None:
    token = await token_of(clerk, userId=await make_user(clerk), ttlSeconds=-60)
    with pytest.raises(jwt.ExpiredSignatureError):
        await verify(clerk, token)


async def test_token_without_signature_can_be_had(clerk: httpx.AsyncClient) -> None:
    token = await token_of(clerk, userId=await make_user(clerk), header={"alg": "none"})
    head, _, signature = token.split(".")
    assert signature == ""
    assert json.loads(base64.urlsafe_b64decode(head + "==="))["alg"] == "none"


@pytest.mark.parametrize("who", [{"email": "nobody@example.com"}, {"userId": "user_nobody"}])
async def test_token_for_an_unknown_user_is_404_and_makes_none(
    clerk: httpx.AsyncClient, who: dict[str, str]
) -> None:
    assert (await clerk.post("/dev/tokens", json=who)).status_code == 404
    assert (await clerk.get("/dev/users")).json() == {"users": []}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/dev/users", {}, "email"),
        ("/dev/users", {"email": "nonsense"}, "email"),
        ("/dev/users", {"email": 5}, "email"),
        ("/dev/users", {"email": "a@b.example", "firstName": []}, "firstName"),
        ("/dev/users", {"email": "a@b.example", "admin": True}, "admin"),
        ("/dev/tokens", {}, "userId"),
        ("/dev/tokens", {"userId": "user_1", "email": "a@b.example"}, "userId"),
        ("/dev/tokens", {"email": "ada@example.com", "ttlSeconds": "1"}, "ttlSeconds"),
        ("/dev/tokens", {"email": "ada@example.com", "ttlSeconds": 1.5}, "ttlSeconds"),
        ("/dev/tokens", {"email": "ada@example.com", "claims": []}, "claims"),
        ("/dev/tokens", {"email": "ada@example.com", "header": 1}, "header"),
        ("/dev/keys/rotate", {"retireOld": "yes"}, "retireOld"),
        ("/dev/down", {}, "seconds"),
        ("/dev/down", {"seconds": -1}, "seconds"),
    ],
)
async def test_bad_input_is_a_problem_that_names_the_field(
    clerk: httpx.AsyncClient, path: str, body: dict[str, Any], field: str
) -> None:
    await make_user(clerk)
    answer = await clerk.post(path, json=body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize("body", ["{", "[]", '"x"', "\x00"])
async def test_body_that_is_no_object_is_refused(clerk: httpx.AsyncClient, body: str) -> None:
    answer = await clerk.post("/dev/users", content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json")


async def test_same_address_is_the_same_user(clerk: httpx.AsyncClient) -> None:
    user_id = await make_user(clerk)
    again = await clerk.post("/dev/users", json={"email": "Ada@Example.com"})
    assert (again.status_code, again.json()["userId"]) == (200, user_id)


async def test_user_has_the_shape_of_clerks_backend_api(clerk: httpx.AsyncClient) -> None:
    user_id = await make_user(clerk)
    user = (await clerk.get(f"/v1/users/{user_id}", headers=BEARER)).json()
    primary = user["primary_email_address_id"]
    emails = {item["id"]: item["email_address"] for item in user["email_addresses"]}
    assert emails[primary] == "ada@example.com"
    assert (user["object"], user["first_name"], user["username"]) == ("user", "Ada", "ada")
    assert user["phone_numbers"] == []
    assert user["public_metadata"] == {}
    assert abs(user["updated_at"] - time.time() * 1000) < 60_000


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}, {"Authorization": SECRET}])
async def test_backend_api_wants_the_secret_key(
    clerk: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    user_id = await make_user(clerk)
    answer = await clerk.get(f"/v1/users/{user_id}", headers=headers)
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["code"] == "clerk_key_invalid"


async def test_unknown_user_is_clerks_404(clerk: httpx.AsyncClient) -> None:
    answer = await clerk.get("/v1/users/user_nobody", headers=BEARER)
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["code"] == "resource_not_found"


async def test_patch_changes_the_user_and_moves_updated_at(clerk: httpx.AsyncClient) -> None:
    user_id = await make_user(clerk)
    before = (await clerk.get(f"/v1/users/{user_id}", headers=BEARER)).json()
    changes = {"first_name": "Augusta", "last_name": None, "public_metadata": {"plan": "free"}}
    answer = await clerk.patch(f"/v1/users/{user_id}", json=changes, headers=BEARER)
    after = answer.json()
    assert {name: after[name] for name in changes} == changes
    assert after["updated_at"] > before["updated_at"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"first_name": "x" * 257}, "form_param_max_length_exceeded"),
        ({"username": "grace"}, "form_identifier_exists"),
        ({"first_name": 1}, "form_param_format_invalid"),
        ({"public_metadata": []}, "form_param_format_invalid"),
        ({"colour": "red"}, "form_param_unknown"),
    ],
)
async def test_refused_patch_changes_nothing(
    clerk: httpx.AsyncClient, changes: dict[str, Any], code: str
) -> None:
    user_id = await make_user(clerk)
    await make_user(clerk, "grace@example.com")
    before = (await clerk.get(f"/v1/users/{user_id}", headers=BEARER)).json()
    body = {"last_name": "changed", **changes}
    answer = await clerk.patch(f"/v1/users/{user_id}", json=body, headers=BEARER)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, code)
    assert (await clerk.get(f"/v1/users/{user_id}", headers=BEARER)).json() == before


async def test_metadata_patch_merges_and_null_removes(clerk: httpx.AsyncClient) -> None:
    path = f"/v1/users/{await make_user(clerk)}/metadata"
    first = {"public_metadata": {"a": 1, "b": {"c": 2}}}
    await clerk.patch(path, json=first, headers=BEARER)
    second = {"public_metadata": {"a": None, "b": {"d": 3}}}
    answer = await clerk.patch(path, json=second, headers=BEARER)
    assert answer.json()["public_metadata"] == {"b": {"c": 2, "d": 3}}


async def test_phone_number_is_added_as_primary(clerk: httpx.AsyncClient) -> None:
    user_id = await make_user(clerk)
    body = {"user_id": user_id, "phone_number": "+15555550100", "primary": True}
    number = (await clerk.post("/v1/phone_numbers", json=body, headers=BEARER)).json()
    user = (await clerk.get(f"/v1/users/{user_id}", headers=BEARER)).json()
    assert user["primary_phone_number_id"] == number["id"]
    assert user["phone_numbers"][0]["phone_number"] == "+15555550100"


async def test_all_users_can_be_read_page_by_page(clerk: httpx.AsyncClient) -> None:
    made = [await make_user(clerk, f"user{n}@example.com") for n in range(5)]
    seen: list[str] = []
    for offset in (0, 2, 4, 6):
        query = {"limit": 2, "offset": offset, "order_by": "created_at"}
        page = (await clerk.get("/v1/users", params=query, headers=BEARER)).json()
        seen += [user["id"] for user in page]
    assert sorted(seen) == sorted(made)
    count = (await clerk.get("/v1/users/count", headers=BEARER)).json()
    assert count["total_count"] == 5


async def test_rotated_key_signs_and_the_old_tokens_stay_good(clerk: httpx.AsyncClient) -> None:
    user_id = await make_user(clerk)
    old = await token_of(clerk, userId=user_id)
    await clerk.post("/dev/keys/rotate")
    new = await token_of(clerk, userId=user_id)
    assert jwt.get_unverified_header(old)["kid"] != jwt.get_unverified_header(new)["kid"]
    assert (await verify(clerk, old))["sub"] == (await verify(clerk, new))["sub"] == user_id


async def test_retired_key_is_no_longer_published(clerk: httpx.AsyncClient) -> None:
    kid = (await clerk.post("/dev/keys/rotate", json={"retireOld": True})).json()["kid"]
    keys = (await clerk.get("/v1/jwks")).json()["keys"]
    assert [item["kid"] for item in keys] == [kid]


async def test_down_takes_clerk_away_and_leaves_dev(clerk: httpx.AsyncClient) -> None:
    user_id = await make_user(clerk)
    await clerk.post("/dev/down", json={"seconds": 60})
    for path in ("/.well-known/jwks.json", "/v1/jwks", f"/v1/users/{user_id}", "/v1/users"):
        assert (await clerk.get(path, headers=BEARER)).status_code == 503
    assert await token_of(clerk, userId=user_id)
    await clerk.post("/dev/down", json={"seconds": 0})
    assert (await clerk.get("/v1/jwks")).status_code == 200


async def test_restart_loses_neither_users_nor_keys(tmp_path: Path) -> None:
    async with served(tmp_path / "clerk.json") as clerk:
        user_id = await make_user(clerk)
        token = await token_of(clerk, userId=user_id)
    async with served(tmp_path / "clerk.json") as clerk:
        assert (await verify(clerk, token))["sub"] == user_id
        answer = await clerk.get(f"/v1/users/{user_id}", headers=BEARER)
        assert answer.json()["first_name"] == "Ada"
    assert (tmp_path / "clerk.json").stat().st_mode & 0o077 == 0


async def test_deleted_user_is_gone_and_twice_is_once(clerk: httpx.AsyncClient) -> None:
    user_id = await make_user(clerk)
    for _ in range(2):
        assert (await clerk.delete(f"/dev/users/{user_id}")).status_code == 200
    assert (await clerk.get(f"/v1/users/{user_id}", headers=BEARER)).status_code == 404
