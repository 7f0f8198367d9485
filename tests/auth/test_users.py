"""One's own profile: shown, and changed at Clerk first."""

import uuid
from typing import Any

import pytest

from tests.auth.dev_clerk import DevClerk
from tests.auth.running_auth import RunningAuth

ME = "/api/users/me"


@pytest.fixture
def clerk_id(clerk: DevClerk) -> str:
    """A user of the sign-in."""
    return clerk.user(f"{uuid.uuid4().hex}@example.com", firstName="Ada")


async def sign_in(auth: RunningAuth, clerk: DevClerk, clerk_id: str) -> str:
    user_id: str = (await auth.authenticate(clerk.token(clerk_id))).user_id
    return user_id


async def test_what_clerk_owns_is_written_to_clerk_first(
    auth: RunningAuth, clerk: DevClerk, clerk_id: str
) -> None:
    user_id = await sign_in(auth, clerk, clerk_id)
    username = f"u{uuid.uuid4().hex[:12]}"
    change = {"firstName": "Augusta", "lastName": "King", "username": username}
    answer = await auth.call(user_id, "PATCH", ME, change)
    assert answer.status_code == 200, answer.text
    at_clerk = clerk.backend("GET", f"/v1/users/{clerk_id}")
    for ours, theirs in (
        ("firstName", "first_name"),
        ("lastName", "last_name"),
        ("username", "username"),
    ):
        assert answer.json()["user"][ours] == at_clerk[theirs] == change[ours]
    removed = await auth.call(user_id, "PATCH", ME, {"lastName": None})
    assert removed.json()["user"]["lastName"] is None
    assert clerk.backend("GET", f"/v1/users/{clerk_id}")["last_name"] is None
    assert removed.json()["user"]["firstName"] == "Augusta"


async def test_a_phone_number_is_added_chosen_and_removed(
    auth: RunningAuth, clerk: DevClerk, clerk_id: str
) -> None:
    user_id = await sign_in(auth, clerk, clerk_id)
    first, second = "+14155550101", "+14155550102"
    for number in (first, second, second, first, None, None):
        answer = await auth.call(user_id, "PATCH", ME, {"phoneNumber": number})
        assert answer.status_code == 200, answer.text
        left = len(clerk.backend("GET", f"/v1/users/{clerk_id}")["phone_numbers"])
        if number is not None:
            assert answer.json()["user"]["phoneNumber"] == number
    assert left == 0


async def test_metadata_is_our_own_and_replaced(
    auth: RunningAuth, clerk: DevClerk, clerk_id: str
) -> None:
    user_id = await sign_in(auth, clerk, clerk_id)
    for metadata in ({"team": "blue", "n": [1, {"ü": None}]}, {"other": True}, {}):
        answer = await auth.call(user_id, "PATCH", ME, {"metadata": metadata})
        assert answer.json()["user"]["metadata"] == metadata
    assert (await auth.call(user_id, "PATCH", ME, {})).json()["user"]["metadata"] == {}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"firstName": 1}, "firstName"),
        ({"firstName": "x" * 257}, "firstName"),
        ({"phoneNumber": "123"}, "phoneNumber"),
        ({"metadata": []}, "metadata"),
        ({"metadata": None}, "metadata"),
        ({"metadata": {"x": "y" * 20_000}}, "metadata"),
        ({"email": "new@example.com"}, "email"),
        ({"first_name": "x"}, "first_name"),
        ({"tier": "pro"}, "tier"),
    ],
)
async def test_a_wrong_field_is_named(auth: RunningAuth, body: dict[str, Any], field: str) -> None:
    answer = await auth.call(str(uuid.uuid4()), "PATCH", ME, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_what_clerk_does_not_take_names_our_field(
    auth: RunningAuth, clerk: DevClerk, clerk_id: str
) -> None:
    user_id = await sign_in(auth, clerk, clerk_id)
    username = f"u{uuid.uuid4().hex[:12]}"
    clerk.user(f"{uuid.uuid4().hex}@example.com", username=username)
    answer = await auth.call(user_id, "PATCH", ME, {"username": username})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "username")
    me = (await auth.call(user_id, "GET", ME)).json()["user"]
    assert (me["username"], me["firstName"]) == (None, "Ada")


async def test_someone_whom_clerk_does_not_know_any_more_cannot_change_anything(
    auth: RunningAuth,
) -> None:
    user_id = await auth.new_user()
    answer = await auth.call(user_id, "PATCH", ME, {"firstName": "Nobody"})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_nobody_is_no_user(auth: RunningAuth) -> None:
    for user_id in (str(uuid.uuid4()), ""):
        kind = "session" if user_id else "anonymous"
        answer = await auth.call(user_id, "GET", ME, kind=kind)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_forged_caller_is_refused(auth: RunningAuth) -> None:
    answer = await auth.http.get(ME, headers={"X-Insien-Caller": "e30.e30.e30"})
    assert answer.status_code == 401
