"""Clerk's webhooks at the running service: signed, repeated, out of order, forged."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from typing import Any

import httpx
import pytest

from auth.svix_signature import signing_keys
from tests.auth.running_auth import (
    WEBHOOK_SECRET,
    FakeSandboxes,
    Refused,
    RunningAuth,
    fake_sandboxes,
    make_settings,
    running_auth,
)
from tests.auth.waiting import eventually
from tests.support import postgres
from tests.support.servers import free_port

PATH = "/api/webhooks/clerk"


def signed(body: bytes, delivery: str) -> dict[str, str]:
    at = str(int(time.time()))
    message = f"{delivery}.{at}.".encode() + body
    digest = hmac.new(signing_keys(WEBHOOK_SECRET)[0], message, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"svix-id": delivery, "svix-timestamp": at, "svix-signature": signature}


async def send(
    auth: RunningAuth, kind: str, data: dict[str, Any], delivery: str = ""
) -> httpx.Response:
    body = json.dumps({"type": kind, "object": "event", "data": data}).encode()
    headers = signed(body, delivery or f"msg_{uuid.uuid4().hex}")
    return await auth.http.post(PATH, content=body, headers=headers)


def person(clerk_id: str, email: str | None, updated_at: int, **more: Any) -> dict[str, Any]:
    addresses = [{"id": "idn_0", "email_address": "old@example.com"}]
    if email:
        addresses.append({"id": "idn_1", "email_address": email})
    return {
        "id": clerk_id,
        "email_addresses": addresses,
        "primary_email_address_id": "idn_1" if email else None,
        "phone_numbers": [{"id": "idn_2", "phone_number": "+14155550100"}],
        "primary_phone_number_id": "idn_2",
        "updated_at": updated_at,
        **more,
    }


def new_id() -> str:
    return f"user_{uuid.uuid4().hex}"


async def row(auth: RunningAuth, clerk_id: str) -> dict[str, Any]:
    found = await auth.pool.fetchrow("SELECT * FROM users WHERE clerk_id = $1", clerk_id)
    assert found is not None
    return dict(found)


async def test_a_user_object_with_the_least_in_it_is_enough(auth: RunningAuth) -> None:
    clerk_id = new_id()
    addresses = [{"email_address": "first@example.com"}, {"email_address": "b@example.com"}]
    least = {"id": clerk_id, "email_addresses": addresses}
    assert (await send(auth, "user.created", least)).status_code == 200
    assert (await row(auth, clerk_id))["email"] == "first@example.com"
    assert (await send(auth, "user.updated", {**least, "first_name": "Ada"})).status_code == 200
    assert (await row(auth, clerk_id))["first_name"] == "Ada"


async def test_users_are_made_and_changed(auth: RunningAuth) -> None:
    clerk_id = new_id()
    answer = await send(auth, "user.created", person(clerk_id, "a@example.com", 1000))
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    found = await row(auth, clerk_id)
    assert (found["email"], found["phone_number"]) == ("a@example.com", "+14155550100")
    await send(auth, "user.updated", person(clerk_id, None, 2000, first_name="Ada"))
    found = await row(auth, clerk_id)
    assert (found["email"], found["first_name"]) == (None, "Ada")


async def test_an_older_event_does_not_undo_a_newer_one(auth: RunningAuth) -> None:
    clerk_id = new_id()
    await send(auth, "user.updated", person(clerk_id, "new@example.com", 2000))
    await send(auth, "user.created", person(clerk_id, "old@example.com", 1000))
    assert (await row(auth, clerk_id))["email"] == "new@example.com"


async def test_a_repeated_delivery_has_its_effect_once(auth: RunningAuth) -> None:
    clerk_id, delivery = new_id(), f"msg_{uuid.uuid4().hex}"
    for email in ("first@example.com", "second@example.com"):
        answer = await send(auth, "user.updated", person(clerk_id, email, 1000), delivery)
        assert answer.status_code == 200
    assert (await row(auth, clerk_id))["email"] == "first@example.com"


async def test_two_people_may_swap_addresses(auth: RunningAuth) -> None:
    one, two = new_id(), new_id()
    for at, (first, second) in enumerate([("a@x.org", "b@x.org"), ("b@x.org", "a@x.org")], 1):
        await send(auth, "user.updated", person(one, first, at))
        await send(auth, "user.updated", person(two, second, at))
    assert [(await row(auth, who))["email"] for who in (one, two)] == ["b@x.org", "a@x.org"]


async def test_a_deleted_user_is_gone_with_keys_and_sandboxes(
    auth: RunningAuth, sandboxes: FakeSandboxes
) -> None:
    clerk_id = new_id()
    await send(auth, "user.created", person(clerk_id, "gone@example.com", 1000))
    user_id = str((await row(auth, clerk_id))["id"])
    key = await auth.issue(user_id)
    await auth.authenticate(key["key"])
    answer = await send(auth, "user.deleted", {"id": clerk_id, "deleted": True})
    assert answer.status_code == 200
    assert await auth.reason(key["key"]) == "user_deleted"
    assert user_id in sandboxes.destroyed
    found = await row(auth, clerk_id)
    assert found["deleted_at"] is not None
    assert found["sandboxes_destroyed_at"] is not None
    assert found["email"] is None
    assert (await auth.call(user_id, "GET", "/api/users/me")).status_code == 401

    await send(auth, "user.updated", person(clerk_id, "back@example.com", 9000))
    again = await send(auth, "user.deleted", {"id": clerk_id, "deleted": True})
    assert again.status_code == 200
    assert (await row(auth, clerk_id))["email"] is None
    assert sandboxes.destroyed.count(user_id) == 1


async def test_the_deletion_of_an_unknown_user_is_final_too(auth: RunningAuth) -> None:
    clerk_id = new_id()
    await send(auth, "user.deleted", {"id": clerk_id})
    await send(auth, "user.created", person(clerk_id, "late@example.com", 1000))
    assert (await row(auth, clerk_id))["deleted_at"] is not None


async def test_sandboxes_are_destroyed_once_their_service_is_back(
    postgres_server: str, redis_server: str
) -> None:
    port, clerk_id = free_port(), new_id()
    async with postgres.database(postgres_server) as url:
        settings = make_settings(
            url, redis_server, "http://127.0.0.1:1", sandbox_grpc=f"127.0.0.1:{port}"
        )
        async with running_auth(settings) as auth:
            await send(auth, "user.created", person(clerk_id, "a@example.com", 1))
            assert (await send(auth, "user.deleted", {"id": clerk_id})).status_code == 200
            user_id = str((await row(auth, clerk_id))["id"])

            async def confirmed() -> bool:
                return bool((await row(auth, clerk_id))["sandboxes_destroyed_at"])

            async with fake_sandboxes(port) as fake:
                await eventually(confirmed)
                assert set(fake.destroyed) == {user_id}


@pytest.mark.parametrize(
    "change",
    [
        {"svix-id": None},
        {"svix-timestamp": None},
        {"svix-signature": None},
        {"svix-id": "msg_other"},
        {"svix-timestamp": "0"},
        {"svix-timestamp": "soon"},
        {"svix-signature": "v1,@@@"},
        {"svix-signature": "\xe9"},
    ],
)
async def test_what_is_not_signed_is_refused(
    auth: RunningAuth, change: dict[str, str | None]
) -> None:
    body = json.dumps({"type": "user.deleted", "data": {"id": "user_1"}}).encode()
    headers = {**signed(body, "msg_1"), **change}
    given = [(name, value.encode("latin-1")) for name, value in headers.items() if value]
    answer = await auth.http.post(PATH, content=body, headers=given)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_signature")


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (b"", "invalid_json", ""),
        (b"{", "invalid_json", ""),
        (b"[" * 5000, "invalid_json", ""),
        (b"[]", "validation_failed", "body"),
        (b'{"type":7,"data":{}}', "validation_failed", "type"),
        (b'{"type":"user.created"}', "validation_failed", "data"),
        (b'{"type":"user.created","data":{}}', "validation_failed", "data.id"),
        (
            b'{"type":"user.created","data":{"id":"u","updated_at":"x"}}',
            "validation_failed",
            "data.updated_at",
        ),
        (
            b'{"type":"user.created","data":{"id":"u","updated_at":1,"username":[]}}',
            "validation_failed",
            "data.username",
        ),
        (b'{"type":"user.deleted","data":{"id":7}}', "validation_failed", "data.id"),
    ],
)
async def test_a_signed_body_that_is_no_event_is_refused(
    auth: RunningAuth, body: bytes, code: str, field: str
) -> None:
    answer = await auth.http.post(PATH, content=body, headers=signed(body, "msg_bad"))
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    if field:
        assert answer.json()["errors"][0]["field"] == field


async def test_a_large_body_is_refused(auth: RunningAuth) -> None:
    body = b" " * (1024 * 1024 + 1)
    answer = await auth.http.post(PATH, content=body, headers=signed(body, "msg_big"))
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_other_events_are_taken_and_ignored(auth: RunningAuth) -> None:
    answer = await send(auth, "organization.created", {"id": "org_1"})
    assert answer.status_code == 200


async def test_a_deleted_persons_session_opens_nothing(auth: RunningAuth, clerk: Any) -> None:
    clerk_id = clerk.user(f"{uuid.uuid4().hex}@example.com")
    token = clerk.token(clerk_id)
    await auth.authenticate(token)
    await send(auth, "user.deleted", {"id": clerk_id})
    with pytest.raises(Refused, match="user_deleted"):
        await auth.authenticate(token)
