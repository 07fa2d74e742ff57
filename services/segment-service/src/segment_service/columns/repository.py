"""Every statement on the column files' state and on the rows that go into them."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

import asyncpg
from rapport.database import Connection

_MARK = """
    INSERT INTO part (name, version) SELECT unnest($1::text[]), $2
    ON CONFLICT (name) DO UPDATE SET version = EXCLUDED.version
"""

# Times go as UTC without an offset; an amount in another currency is left empty, which sums leave out.
_NET = """
    CASE WHEN refunded_whole THEN 0
         ELSE COALESCE(revenue, 0) - LEAST(refunded, GREATEST(COALESCE(revenue, 0), 0)) END
"""
MONTH_ROWS = f"""
    SELECT identity_id, ordered_at AT TIME ZONE 'UTC',
           CASE WHEN COALESCE(currency, $3) = $3 THEN {_NET} END,
           CASE WHEN COALESCE(currency, $3) = $3 THEN {_NET} - cost END
    FROM purchase
    WHERE ordered_at >= $1 AND ordered_at < $2 AND NOT twin AND cancelled_at IS NULL
"""
TWIN_ROWS = """
    SELECT identity_id, order_id, completed_at AT TIME ZONE 'UTC', amended_at AT TIME ZONE 'UTC', revenue, currency,
           revenue_at AT TIME ZONE 'UTC', revenue_step, cost, cost_at AT TIME ZONE 'UTC', cost_step, refunded,
           refunded_whole, cancelled_at IS NOT NULL
    FROM purchase WHERE twin
"""
IDENTITY_ROWS = """
    SELECT identity_id, profile_id, LEAST(first_at, consented_at) AT TIME ZONE 'UTC'
    FROM identity_map LEFT JOIN contact USING (identity_id)
"""


async def mark_behind(connection: Connection, parts: Collection[str], version: int) -> None:
    """Say that column files lack the change of this number."""
    await connection.execute(_MARK, sorted(parts), version)


async def parts(connection: Connection) -> dict[str, int]:
    """Every column file there should be, and the newest change that it must hold."""
    return {row["name"]: row["version"] for row in await connection.fetch("SELECT name, version FROM part")}


async def store_id(pool: asyncpg.Pool[asyncpg.Record]) -> UUID:
    """The name of this database's column files; made at the first call."""
    await pool.execute("INSERT INTO ranking DEFAULT VALUES ON CONFLICT DO NOTHING")
    found: UUID = await pool.fetchval("SELECT store_id FROM ranking")
    return found
