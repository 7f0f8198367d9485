"""Keys: made by a person, used by a program, taken away."""

import string
import time
import zlib

import httpx
import pytest

from tests.e2e.people import Person, raw
from tests.e2e.stack import Stack
from tests.e2e.waiting import eventually

DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
UNKNOWN_BODY = "isk_" + "0" * 40


def _checksum(text: str) -> str:
    number, digits = zlib.crc32(text.encode()), ""
    while number:
        number, digit = divmod(number, 62)
        digits = DIGITS[digit] + digits
    return digits.rjust(6, "0")


def test_a_key_is_made_used_listed_and_revoked_within_a_second(
    stack: Stack, person: Person
) -> None:
    made = person.key(expiresInDays=30, scopes=["sandbox:read"])
    assert made["key"].startswith(made["prefix"])
    assert made["key"][-6:] == _checksum(made["key"][:-6])
    assert made["scopes"] == ["sandbox:read"]
    with raw(stack, {"X-API-Key": made["key"]}) as program, person.api() as me:
        assert program.get("/sandbox").status_code == 200
        (listed,) = (k for k in me.get("/api/keys").json()["apiKeys"] if k["id"] == made["id"])
        assert "key" not in listed
        assert me.delete(f"/api/keys/{made['id']}").json()["success"] is True
        revoked = time.monotonic()
        eventually(lambda: program.get("/sandbox").status_code == 401, seconds=1.0)
        assert time.monotonic() - revoked < 1.5
        assert me.delete(f"/api/keys/{made['id']}").status_code == 200


def test_a_key_may_stand_in_either_header(stack: Stack, key: str) -> None:
    for headers in ({"X-API-Key": key}, {"Authorization": f"Bearer {key}"}):
        with raw(stack, headers) as api:
            assert api.get("/sandbox").status_code == 200


def test_no_credential_and_every_wrong_one_get_one_answer(stack: Stack, key: str) -> None:
    flipped = key[:-7] + ("A" if key[-7] != "A" else "B")
    wrong: list[dict[str, str]] = [
        {},
        {"X-API-Key": ""},
        {"X-API-Key": "isk_short"},
        {"X-API-Key": flipped + key[-6:]},
        {"X-API-Key": flipped + _checksum(flipped)},
        {"X-API-Key": UNKNOWN_BODY + _checksum(UNKNOWN_BODY)},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Basic dXNlcjpwYXNz"},
    ]
    details = set()
    for headers in wrong:
        with raw(stack, headers) as api:
            answer = api.get("/sandbox")
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), headers
        details.add(answer.json()["detail"])
    assert len(details) == 1


def test_no_credential_is_taken_from_the_query(stack: Stack, key: str) -> None:
    with raw(stack, {}) as api:
        for name in ("key", "apiKey", "api_key", "X-API-Key", "token", "access_token"):
            assert api.get("/sandbox", params={name: key}).status_code == 401


def test_two_credentials_at_once_are_ambiguous(stack: Stack, person: Person, key: str) -> None:
    both = {"X-API-Key": key, "Authorization": f"Bearer {person.session}"}
    with raw(stack, both) as api:
        answer = api.get("/sandbox")
    assert (answer.status_code, answer.json()["code"]) == (400, "ambiguous_credentials")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/keys"),
        ("POST", "/api/keys"),
        ("GET", "/api/users/me"),
        ("PATCH", "/api/users/me"),
        ("GET", "/api/audit"),
    ],
)
def test_a_key_makes_no_keys(api: httpx.Client, method: str, path: str) -> None:
    answer = api.request(method, path, json={"name": "more"})
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


def test_a_key_that_may_only_read_only_reads(stack: Stack, person: Person) -> None:
    key = person.key(scopes=["sandbox:read"])["key"]
    with raw(stack, {"X-API-Key": key}) as api:
        assert api.get("/sandbox").status_code == 200
        for path in ("/sandbox/create", "/sandbox/no-uuid/destroy"):
            answer = api.post(path)
            assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


def test_rotation_gives_a_new_secret_and_ends_the_old(stack: Stack, person: Person) -> None:
    old = person.key()
    with person.api() as me:
        new = me.post(f"/api/keys/{old['id']}/rotate", json={}).json()["apiKey"]
    assert new["key"] != old["key"]
    with raw(stack, {"X-API-Key": new["key"]}) as program:
        assert program.get("/sandbox").status_code == 200
    with raw(stack, {"X-API-Key": old["key"]}) as program:
        eventually(lambda: program.get("/sandbox").status_code == 401, seconds=2.0)


def test_a_person_sees_and_changes_their_profile(person: Person) -> None:
    with person.api() as me:
        assert me.get("/api/users/me").json()["user"]["email"].endswith("@example.com")
        changed = me.patch("/api/users/me", json={"firstName": "Ada", "metadata": {"a": 1}})
        assert changed.status_code == 200, changed.text
        user = me.get("/api/users/me").json()["user"]
    assert (user["firstName"], user["metadata"]) == ("Ada", {"a": 1})
