"""The audit log: one's own, in pages, and never rewritten."""

import uuid

import asyncpg
import pytest

from tests.auth.running_auth import RunningAuth


async def test_the_log_is_paged_newest_first(auth: RunningAuth) -> None:
    user_id = await auth.new_user()
    for number in range(5):
        await auth.issue(user_id, name=f"key {number}")
    names: list[str] = []
    cursor: str | None = None
    pages = 0
    while pages == 0 or cursor:
        pages += 1
        query = "?limit=2" + (f"&cursor={cursor}" if cursor else "")
        answer = (await auth.call(user_id, "GET", f"/api/audit{query}")).json()
        names += [event["data"]["name"] for event in answer["events"]]
        cursor = answer["nextCursor"]
    assert pages == 3
    assert names == [f"key {number}" for number in (4, 3, 2, 1, 0)]


async def test_an_entry_says_who_what_when_and_from_where(auth: RunningAuth) -> None:
    user_id = await auth.new_user()
    key = await auth.issue(user_id)
    answer = await auth.call(user_id, "GET", "/api/audit")
    event = answer.json()["events"][0]
    assert (event["type"], event["actor"], event["address"]) == (
        "key.issued",
        "user",
        "198.51.100.7",
    )
    assert (event["keyId"], event["keyPrefix"]) == (key["id"], key["prefix"])
    assert event["requestId"]
    assert key["key"] not in answer.text


async def test_others_entries_are_not_shown(auth: RunningAuth) -> None:
    await auth.issue(await auth.new_user())
    answer = await auth.call(await auth.new_user(), "GET", "/api/audit")
    assert answer.json() == {"success": True, "events": [], "nextCursor": None}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("cursor=!!", "cursor"),
        ("cursor=YWJj", "cursor"),
        ("cursor=" + "A" * 65, "cursor"),
        ("page=2", "page"),
    ],
)
async def test_a_wrong_query_is_named(auth: RunningAuth, query: str, field: str) -> None:
    answer = await auth.call(str(uuid.uuid4()), "GET", f"/api/audit?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)


async def test_a_key_does_not_open_the_log(auth: RunningAuth) -> None:
    answer = await auth.call(await auth.new_user(), "GET", "/api/audit", kind="key")
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


@pytest.mark.parametrize(
    "sql", ["UPDATE audit SET type = 'x'", "DELETE FROM audit", "TRUNCATE audit"]
)
async def test_entries_cannot_be_changed(auth: RunningAuth, sql: str) -> None:
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        await auth.pool.execute(sql)
