"""Session tokens of the development sign-in at the running service; users on first sight."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.auth.dev_clerk import DevClerk, dev_clerk
from tests.auth.running_auth import RunningAuth, make_settings, running_auth
from tests.auth.waiting import eventually
from tests.support import postgres


def email() -> str:
    return f"{uuid.uuid4().hex}@example.com"


async def test_a_signed_in_person_is_known_with_the_full_profile(
    auth: RunningAuth, clerk: DevClerk
) -> None:
    address = email()
    clerk_id = clerk.user(address, firstName="Ada", lastName="Lovelace")
    identity = await auth.authenticate(clerk.token(clerk_id), "203.0.113.9")
    assert identity.clerk_id == clerk_id
    assert identity.session_id.startswith("sess_")
    assert list(identity.scopes) == ["sandbox:read", "sandbox:write"]
    assert identity.expires_at_ms > 0
    assert (identity.key_id, identity.key_prefix) == ("", "")

    answer = (await auth.call(identity.user_id, "GET", "/api/users/me")).json()
    user = answer["user"]
    assert answer["success"] is True
    assert (user["id"], user["clerkId"], user["email"]) == (identity.user_id, clerk_id, address)
    assert (user["firstName"], user["lastName"]) == ("Ada", "Lovelace")
    assert user["imageUrl"].startswith("https://")
    assert (user["username"], user["phoneNumber"], user["metadata"]) == (None, None, {})
    events = (await auth.call(identity.user_id, "GET", "/api/audit")).json()["events"]
    assert [event["type"] for event in events] == ["session.started", "user.first_seen"]
    assert {event["address"] for event in events} == {"203.0.113.9"}


async def test_two_first_requests_at_once_make_one_user(auth: RunningAuth, clerk: DevClerk) -> None:
    clerk_id = clerk.user(email())
    tokens = [clerk.token(clerk_id) for _ in range(8)]
    found = await asyncio.gather(*(auth.authenticate(token) for token in tokens))
    assert len({identity.user_id for identity in found}) == 1
    count = await auth.pool.fetchval("SELECT count(*) FROM users WHERE clerk_id = $1", clerk_id)
    assert count == 1


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"header": {"alg": "none"}}, "token_algorithm_wrong"),
        ({"header": {"alg": "HS256"}}, "token_algorithm_wrong"),
        ({"header": {"kid": None}}, "token_key_id_missing"),
        ({"header": {"cat": "cl_B7d4PD222AAA"}}, "token_category_wrong"),
        ({"ttlSeconds": -10}, "token_expired"),
        ({"claims": {"iss": "https://other.example.com"}}, "token_issuer_wrong"),
        ({"claims": {"azp": None}}, "token_party_wrong"),
        ({"claims": {"sid": None}}, "token_sid_wrong"),
        ({"claims": {"sub": "user_nobody"}}, "user_unknown_to_clerk"),
        ({"claims": {"sts": "pending"}}, "session_pending"),
    ],
)
async def test_a_wrong_token_is_refused(
    auth: RunningAuth, clerk: DevClerk, options: dict[str, Any], reason: str
) -> None:
    assert await auth.reason(clerk.token(clerk.user(email()), **options)) == reason


@pytest.mark.parametrize("credential", ["", "x" * 17_000, "mt_abc", "Basic dTpw"])
async def test_what_is_no_credential_is_refused(auth: RunningAuth, credential: str) -> None:
    assert await auth.reason(credential) in ("credential_size", "token_malformed")


async def test_each_session_is_in_the_audit_log_once(auth: RunningAuth, clerk: DevClerk) -> None:
    clerk_id = clerk.user(email())
    token = clerk.token(clerk_id)
    identity = await auth.authenticate(token)
    await auth.authenticate(token)
    actor = {"act": {"sub": "user_support"}}
    await auth.authenticate(clerk.token(clerk_id, claims=actor))
    events = (await auth.call(identity.user_id, "GET", "/api/audit")).json()["events"]
    assert [event["type"] for event in events] == [
        *("session.impersonated", "session.started", "user.first_seen")
    ]
    assert events[0]["data"]["impersonator"] == "user_support"


@pytest_asyncio.fixture
async def own(
    postgres_server: str, redis_server: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[RunningAuth, DevClerk]]:
    """A service with a sign-in of its own, which may be taken down."""
    async with postgres.database(postgres_server) as url:
        with dev_clerk(tmp_path_factory.mktemp("own")) as clerk:
            async with running_auth(make_settings(url, redis_server, clerk.url)) as running:
                yield running, clerk


async def test_while_clerk_is_down_a_user_is_made_from_the_token_and_completed_later(
    own: tuple[RunningAuth, DevClerk],
) -> None:
    auth, clerk = own
    known = clerk.user("known@example.com")
    await auth.authenticate(clerk.token(known))
    clerk_id = clerk.user("late@example.com", firstName="Grace")
    token = clerk.token(clerk_id, claims={"email": "claimed@example.com"})
    clerk.post("/dev/down", {"seconds": 600})
    identity = await auth.authenticate(token)
    me = (await auth.call(identity.user_id, "GET", "/api/users/me")).json()["user"]
    assert (me["email"], me["firstName"]) == ("claimed@example.com", None)
    changed = await auth.call(identity.user_id, "PATCH", "/api/users/me", {"firstName": "G"})
    assert (changed.status_code, changed.json()["code"]) == (503, "unavailable")
    assert int(changed.headers["retry-after"]) >= 1

    clerk.post("/dev/down", {"seconds": 0})
    await auth.pool.execute("UPDATE users SET checked_at = 'epoch'")

    async def completed() -> bool:
        answer = await auth.call(identity.user_id, "GET", "/api/users/me")
        return bool(answer.json()["user"]["firstName"] == "Grace")

    await eventually(completed)


async def test_rotated_keys_are_found_and_the_old_ones_go_on(
    own: tuple[RunningAuth, DevClerk],
) -> None:
    auth, clerk = own
    clerk_id = clerk.user("rotation@example.com")
    old = clerk.token(clerk_id)
    await auth.authenticate(old)
    clerk.post("/dev/keys/rotate", {})
    new = clerk.token(clerk_id)
    await auth.authenticate(new)
    await auth.authenticate(old)
    clerk.post("/dev/keys/rotate", {})
    assert await auth.reason(clerk.token(clerk_id)) == "token_key_unknown"  # within the 30 s
