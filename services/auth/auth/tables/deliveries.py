"""auth.webhook_deliveries: which deliveries have had their effect."""

from datetime import datetime

from auth.tables.connection import Database


async def record(db: Database, svix_id: str, kind: str, now: datetime) -> bool:
    """Remembers a delivery; False when it was known already."""
    made = await db.fetchval(
        "INSERT INTO webhook_deliveries (svix_id, type, received_at) VALUES ($1, $2, $3) "
        "ON CONFLICT DO NOTHING RETURNING svix_id",
        svix_id,
        kind,
        now,
    )
    return made is not None


async def forget(db: Database, before: datetime) -> None:
    """Forgets old deliveries, which Svix has long stopped repeating."""
    await db.execute("DELETE FROM webhook_deliveries WHERE received_at < $1", before)
