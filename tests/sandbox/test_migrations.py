"""The schema, and what is taken over from the earlier product."""

import asyncpg

from kit import database, migrations

EARLIER = """
CREATE TABLE public.sandboxes (
    id text PRIMARY KEY, user_id uuid, container_id text, status text,
    created_at timestamptz DEFAULT now(), expires_at timestamptz
);
INSERT INTO public.sandboxes VALUES
    ('6f1f3b1e-0000-4000-8000-000000000001', '6f1f3b1e-0000-4000-8000-0000000000aa', 'c1',
     'running', '2024-01-01T00:00:00Z', NULL),
    ('sbx_abc', '6f1f3b1e-0000-4000-8000-0000000000aa', NULL, 'destroyed',
     '2024-01-02T00:00:00Z', '2024-01-03T00:00:00Z'),
    ('sbx_nobody', NULL, NULL, 'destroyed', NULL, NULL);
"""


async def test_sandboxes_of_the_earlier_product_are_taken_over_as_ended(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(EARLIER)
    await connection.close()
    pool = await database.connect(database_url, schema="sandbox")
    assert len(await migrations.apply(pool, "sandbox", migrations.find("sandbox"))) >= 2
    rows = await pool.fetch("SELECT * FROM sandbox.sandboxes ORDER BY created_at")
    assert {(row["state"], row["reason"]) for row in rows} == {("destroyed", "earlier_product")}
    assert str(rows[0]["id"]) == "6f1f3b1e-0000-4000-8000-000000000001"
    assert str(rows[1]["user_id"]) == "6f1f3b1e-0000-4000-8000-0000000000aa"
    assert rows[1]["metadata"] == '{"earlierId": "sbx_abc"}'
    assert rows[2]["user_id"] is None
    assert await pool.fetchval("SELECT count(*) FROM sandbox.events") == 3
    assert await pool.fetchval("SELECT count(*) FROM public.sandboxes") == 3
    await pool.close()


async def test_without_an_earlier_product_there_is_nothing_to_take(database_url: str) -> None:
    pool = await database.connect(database_url, schema="sandbox")
    await migrations.apply(pool, "sandbox", migrations.find("sandbox"))
    assert await pool.fetchval("SELECT count(*) FROM sandbox.sandboxes") == 0
    await pool.close()
