"""The earlier product's database is taken over, with and without its profile fields."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import bcrypt
import pytest
import pytest_asyncio

from auth.app import migrate
from tests.auth.running_auth import make_settings, running_auth

USERS = """
CREATE TABLE users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    clerk_id varchar(255) UNIQUE NOT NULL,
    email varchar(255) UNIQUE,
    created_at timestamp DEFAULT now(),
    updated_at timestamp DEFAULT now()
)"""
PROFILE = """
ALTER TABLE users ADD COLUMN first_name varchar(255), ADD COLUMN last_name varchar(255),
    ADD COLUMN username varchar(255), ADD COLUMN image_url text,
    ADD COLUMN phone_number varchar(50), ADD COLUMN metadata jsonb DEFAULT '{}'"""
KEYS = """
CREATE TABLE api_keys (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid REFERENCES users (id),
    key_hash varchar(255) NOT NULL,
    key_prefix varchar(20) NOT NULL,
    name varchar(255),
    created_at timestamp DEFAULT now(),
    expires_at timestamp,
    last_used_at timestamp,
    revoked_at timestamp
)"""

Connection = Any


@pytest_asyncio.fixture
async def old(database_url: str) -> AsyncIterator[Connection]:
    """A connection to a database in which the earlier product may be built."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def add_key(old: Connection, user_id: object, **values: Any) -> str:
    key = f"isk_{uuid.uuid4().hex}{uuid.uuid4().hex}"
    stored = bcrypt.hashpw(key.encode(), bcrypt.gensalt(4)).decode().replace("$2b$", "$2a$")
    columns = {"user_id": user_id, "key_hash": stored, "key_prefix": key[:12], **values}
    marks = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    await old.execute(
        f"INSERT INTO api_keys ({', '.join(columns)}) VALUES ({marks})", *columns.values()
    )
    return key


@pytest.mark.parametrize("profile", [False, True])
async def test_users_and_keys_are_taken_over(
    old: Connection, database_url: str, redis_server: str, profile: bool
) -> None:
    await old.execute(USERS)
    if profile:
        await old.execute(PROFILE)
    await old.execute(KEYS)
    user_id = await old.fetchval(
        "INSERT INTO users (clerk_id, email) VALUES ('user_old', 'old@example.com') RETURNING id"
    )
    if profile:
        await old.execute("UPDATE users SET first_name = 'Ada', metadata = '{\"a\": 1}'")
    live = await add_key(old, user_id, name="CI")
    ended = await add_key(old, user_id)
    await old.execute("UPDATE api_keys SET revoked_at = now() WHERE key_prefix = $1", ended[:12])
    expired = await add_key(old, user_id)
    await old.execute(
        "UPDATE api_keys SET expires_at = now() - interval '1 day' WHERE key_prefix = $1",
        expired[:12],
    )

    settings = make_settings(database_url, redis_server, "http://127.0.0.1:1")
    async with running_auth(settings) as auth:
        identity = await auth.authenticate(live)
        assert identity.user_id == str(user_id)
        assert list(identity.scopes) == ["sandbox:read", "sandbox:write"]
        assert await auth.reason(ended) == "key_revoked"
        assert await auth.reason(expired) == "key_expired"
        me = (await auth.call(str(user_id), "GET", "/api/users/me")).json()["user"]
        assert (me["email"], me["clerkId"]) == ("old@example.com", "user_old")
        assert me["firstName"] == ("Ada" if profile else None)
        assert me["metadata"] == ({"a": 1} if profile else {})
        listed = (await auth.call(str(user_id), "GET", "/api/keys")).json()["apiKeys"]
        assert {key["prefix"] for key in listed} == {live[:12], ended[:12], expired[:12]}
        assert {key["name"] for key in listed} == {"CI", "API key"}
        rotated = await auth.call(str(user_id), "POST", f"/api/keys/{identity.key_id}/rotate")
        assert rotated.status_code == 201
        assert await auth.reason(live) == "key_revoked"
    assert await old.fetchval("SELECT count(*) FROM public.users") == 1


async def test_numbers_as_ids_become_uuids(
    old: Connection, database_url: str, redis_server: str
) -> None:
    await old.execute(
        "CREATE TABLE users (id serial PRIMARY KEY, clerk_id text); "
        "CREATE TABLE api_keys (id serial PRIMARY KEY, user_id int, key_hash text, prefix text, "
        "is_active boolean DEFAULT true); "
        "INSERT INTO users (clerk_id) VALUES ('user_1'), ('user_2'); "
        "INSERT INTO api_keys (user_id, key_hash, prefix, is_active) "
        "VALUES (2, '$2a$04$x', 'isk_abcd...', true), (2, '$2a$04$y', 'isk_abcd...', false)"
    )
    await migrate(make_settings(database_url, redis_server, "http://127.0.0.1:1"))
    found = await old.fetch(
        "SELECT clerk_id, prefix, revoked_at FROM auth.api_keys k "
        "JOIN auth.users u ON u.id = k.user_id ORDER BY revoked_at NULLS FIRST"
    )
    assert [(row["clerk_id"], row["prefix"]) for row in found] == [("user_2", "isk_abcd")] * 2
    assert [row["revoked_at"] is None for row in found] == [True, False]


async def test_somebody_elses_tables_are_left_alone(
    old: Connection, database_url: str, redis_server: str
) -> None:
    await old.execute("CREATE TABLE users (id int, name text); INSERT INTO users VALUES (1, 'x')")
    settings = make_settings(database_url, redis_server, "http://127.0.0.1:1")
    assert await migrate(settings) == ["0001_users_and_keys.sql", "0002_earlier_product.sql"]
    assert await migrate(settings) == []
    assert await old.fetchval("SELECT count(*) FROM auth.users") == 0


async def test_tables_that_may_not_be_read_are_named(
    old: Connection, database_url: str, redis_server: str
) -> None:
    await old.execute(USERS)
    role = f"role_{uuid.uuid4().hex[:8]}"
    await old.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
    await old.execute(f"CREATE SCHEMA auth AUTHORIZATION {role}")
    own = database_url.replace("tests:", f"{role}:").replace(
        database_url.split(":")[2].partition("@")[0], "x"
    )
    settings = make_settings(own, redis_server, "http://127.0.0.1:1")
    with pytest.raises(asyncpg.RaiseError, match=r"cannot read public\.users") as caught:
        await migrate(settings)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("GRANT SELECT ON public.users")
    await old.execute(f"GRANT SELECT ON users TO {role}")
    assert await migrate(settings) == ["0002_earlier_product.sql"]
    await old.execute(f"DROP OWNED BY {role} CASCADE")
    await old.execute(f"DROP ROLE {role}")
