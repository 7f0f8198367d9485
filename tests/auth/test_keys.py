"""Keys in their owner's hands: made, used, listed, rotated, revoked."""

import asyncio
import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
import redis.asyncio as redis

from auth import key_format
from auth.revocations import CHANNEL
from tests.auth.running_auth import RunningAuth
from tests.auth.waiting import eventually


async def test_a_key_is_made_used_and_revoked(auth: RunningAuth) -> None:
    user_id = await auth.new_user()
    key = await auth.issue(user_id, name="My API Key")
    assert re.fullmatch(r"isk_[0-9A-Za-z]{46}", key["key"])
    assert key["prefix"] == key["key"][:12]
    assert key["scopes"] == ["sandbox:read", "sandbox:write"]
    assert key["expiresAt"] is None

    identity = await auth.authenticate(key["key"])
    assert (identity.user_id, identity.key_id) == (user_id, key["id"])
    assert identity.key_prefix == key["prefix"]
    assert list(identity.scopes) == key["scopes"]
    assert identity.expires_at_ms == 0

    for _ in range(2):  # twice is once
        answer = await auth.call(user_id, "DELETE", f"/api/keys/{key['id']}")
        assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert await auth.reason(key["key"]) == "key_revoked"
    events = (await auth.call(user_id, "GET", "/api/audit")).json()["events"]
    assert [event["type"] for event in events] == ["key.revoked", "key.issued"]


async def test_the_secret_is_shown_once_and_stored_as_argon2id(auth: RunningAuth) -> None:
    user_id = await auth.new_user()
    key = await auth.issue(user_id)
    listed = await auth.call(user_id, "GET", "/api/keys")
    assert key["key"] not in listed.text
    assert listed.headers["cache-control"] == "no-store"
    stored = await auth.pool.fetchval("SELECT key_hash FROM api_keys WHERE id = $1", key["id"])
    found = re.match(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$", stored)
    assert found is not None
    memory, passes, lanes = map(int, found.groups())
    assert (memory >= 19_456, passes >= 2, lanes >= 1) == (True, True, True)


async def test_keys_are_listed_newest_first_and_only_to_their_owner(auth: RunningAuth) -> None:
    user_id, other = await auth.new_user(), await auth.new_user()
    made = [await auth.issue(user_id, name=f"key {number}") for number in range(3)]
    listed = (await auth.call(user_id, "GET", "/api/keys")).json()
    assert [key["id"] for key in listed["apiKeys"]] == [key["id"] for key in reversed(made)]
    assert set(listed["apiKeys"][0]) == {
        *("id", "prefix", "name", "scopes", "createdAt", "expiresAt", "lastUsedAt", "revokedAt")
    }
    assert (await auth.call(other, "GET", "/api/keys")).json()["apiKeys"] == []


@pytest.mark.parametrize("method", ["DELETE", "POST"])
async def test_a_strangers_key_does_not_exist(auth: RunningAuth, method: str) -> None:
    key = await auth.issue(await auth.new_user())
    suffix = "/rotate" if method == "POST" else ""
    stranger = await auth.new_user()
    for key_id in (key["id"], str(uuid.uuid4()), "no-uuid"):
        answer = await auth.call(stranger, method, f"/api/keys/{key_id}{suffix}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert await auth.reason(key["key"]) == ""


async def test_scopes_and_expiry_are_as_asked(auth: RunningAuth) -> None:
    user_id = await auth.new_user()
    key = await auth.issue(user_id, scopes=["sandbox:read"], expiresInDays=30)
    identity = await auth.authenticate(key["key"])
    assert list(identity.scopes) == ["sandbox:read"]
    expires_at = datetime.fromisoformat(key["expiresAt"])
    assert expires_at - datetime.fromisoformat(key["createdAt"]) == timedelta(days=30)
    assert identity.expires_at_ms == int(expires_at.timestamp() * 1000)


async def test_an_expired_key_is_refused(auth: RunningAuth) -> None:
    key = await auth.issue(await auth.new_user(), expiresInDays=1)
    assert await auth.reason(key["key"]) == ""
    past = datetime.now(UTC) - timedelta(seconds=1)
    await auth.pool.execute("UPDATE api_keys SET expires_at = $2 WHERE id = $1", key["id"], past)
    assert await auth.reason(key["key"]) == "key_expired"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": "n" * 101}, "name"),
        ({"name": 7}, "name"),
        ({"name": "n", "expiresInDays": 0}, "expiresInDays"),
        ({"name": "n", "expiresInDays": 3651}, "expiresInDays"),
        ({"name": "n", "expiresInDays": "30"}, "expiresInDays"),
        ({"name": "n", "expiresInDays": True}, "expiresInDays"),
        ({"name": "n", "scopes": []}, "scopes"),
        ({"name": "n", "scopes": ["sandbox:own"]}, "scopes.0"),
        ({"name": "n", "scopes": ["sandbox:read", "sandbox:read"]}, "scopes"),
        ({"name": "n", "quota": 5}, "quota"),
        ([], "body"),
    ],
)
async def test_a_wrong_field_is_named(auth: RunningAuth, body: object, field: str) -> None:
    answer = await auth.call(str(uuid.uuid4()), "POST", "/api/keys", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_a_rotated_key_has_the_same_settings_and_ends_the_old_one(auth: RunningAuth) -> None:
    user_id = await auth.new_user()
    old = await auth.issue(user_id, name="ci", scopes=["sandbox:read"], expiresInDays=9)
    answer = await auth.call(user_id, "POST", f"/api/keys/{old['id']}/rotate")
    assert answer.status_code == 201, answer.text
    new = answer.json()["apiKey"]
    assert new["id"] != old["id"]
    assert new["key"] != old["key"]
    for name in ("name", "scopes", "expiresAt"):
        assert new[name] == old[name]
    assert await auth.reason(old["key"]) == "key_revoked"
    assert (await auth.authenticate(new["key"])).key_id == new["id"]


async def test_the_old_key_lives_on_for_the_grace_time(auth: RunningAuth) -> None:
    user_id = await auth.new_user()
    old = await auth.issue(user_id)
    path = f"/api/keys/{old['id']}/rotate"
    assert (await auth.call(user_id, "POST", path, {"graceSeconds": 60})).status_code == 201
    identity = await auth.authenticate(old["key"])
    left = identity.expires_at_ms / 1000 - datetime.now(UTC).timestamp()
    assert 0 < left <= 60
    again = await auth.call(user_id, "POST", path)
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")


async def test_a_key_that_has_ended_is_not_rotated(auth: RunningAuth) -> None:
    user_id = await auth.new_user()
    key = await auth.issue(user_id)
    await auth.call(user_id, "DELETE", f"/api/keys/{key['id']}")
    answer = await auth.call(user_id, "POST", f"/api/keys/{key['id']}/rotate", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")
    assert len((await auth.call(user_id, "GET", "/api/keys")).json()["apiKeys"]) == 1


async def test_rotations_at_once_make_one_key(auth: RunningAuth) -> None:
    user_id = await auth.new_user()
    key = await auth.issue(user_id)
    path = f"/api/keys/{key['id']}/rotate"
    answers = await asyncio.gather(*(auth.call(user_id, "POST", path) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


@pytest.mark.parametrize("grace", [-1, 604_801, "1", 1.5])
async def test_a_grace_time_out_of_range_is_refused(auth: RunningAuth, grace: object) -> None:
    path = f"/api/keys/{uuid.uuid4()}/rotate"
    answer = await auth.call(str(uuid.uuid4()), "POST", path, {"graceSeconds": grace})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "graceSeconds")


async def test_a_key_and_a_sandbox_token_cannot_manage_keys(auth: RunningAuth) -> None:
    user_id = await auth.new_user()
    for kind in ("key", "token"):
        answer = await auth.call(user_id, "POST", "/api/keys", {"name": "leak"}, kind=kind)
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    answer = await auth.http.post("/api/keys", json={"name": "leak"})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_a_revocation_is_published(auth: RunningAuth, redis_server: str) -> None:
    user_id = await auth.new_user()
    key = await auth.issue(user_id)
    async with redis.Redis.from_url(redis_server) as client, client.pubsub() as listening:
        await listening.subscribe(CHANNEL)
        await auth.call(user_id, "DELETE", f"/api/keys/{key['id']}")
        async with asyncio.timeout(5):
            while True:
                message = await listening.get_message(timeout=1)
                if (
                    message
                    and message["type"] == "message"
                    and key["id"].encode() in message["data"]
                ):
                    break


async def test_the_last_use_is_written_within_ten_seconds(auth: RunningAuth) -> None:
    user_id = await auth.new_user()
    key = await auth.issue(user_id)
    before = datetime.now(UTC)
    await auth.authenticate(key["key"])

    async def last_used() -> str | None:
        listed = (await auth.call(user_id, "GET", "/api/keys")).json()["apiKeys"]
        found: str | None = listed[0]["lastUsedAt"]
        return found

    written = await eventually(last_used, seconds=10)
    assert datetime.fromisoformat(written or "") >= before - timedelta(milliseconds=1)


async def test_an_unknown_and_a_wrong_secret_get_one_answer(auth: RunningAuth) -> None:
    key = (await auth.issue(await auth.new_user()))["key"]
    body = key[:12] + key_format.generate()[12:-6]
    assert await auth.reason(body + key_format.checksum(body)) == "key_secret_wrong"
    assert await auth.reason(key_format.generate()) == "key_unknown"
    assert await auth.reason(key[:-1] + ("0" if key[-1] != "0" else "1")) == "key_checksum_wrong"
    assert await auth.reason("isk_" + "0" * 64) == "key_unknown"
    assert await auth.reason("isk_short") == "key_malformed"
