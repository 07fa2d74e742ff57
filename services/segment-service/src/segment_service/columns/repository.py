"""Every statement on the column files' state and on the rows that go into them."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

import asyncpg
from rapport.database import Connection

from segment_service.purchases.valuation import JOINED, joined, plain
from segment_service.service_costs.statements import COSTED, KNOWN

_MARK = """
    INSERT INTO part (name, version) SELECT unnest($1::text[]), $2
    ON CONFLICT (name) DO UPDATE SET version = EXCLUDED.version
"""

# Times go as UTC without an offset; an amount that has no rate is left empty, which sums leave out.
MONTH_ROWS = f"""
    SELECT identity_id, ordered_at AT TIME ZONE 'UTC', net, margin FROM (
        {plain("(SELECT * FROM purchase WHERE ordered_at >= $1 AND ordered_at < $2) AS month", "identity_id", "$3")}
    ) AS orders
"""
# By profile: which parts are one order depends on who is one customer.
TWIN_ROWS = f"""
    WITH line AS (SELECT * FROM purchase JOIN identity_map USING (identity_id) WHERE twin),
    joined AS ({JOINED.format(line="line")})
    SELECT profile_id, ordered_at AT TIME ZONE 'UTC', net, margin FROM ({joined("joined", "$1")}) AS orders
"""
SERVICE_ROWS = f"""
    SELECT identity_id, month::timestamp, sum(cost)
    FROM ({COSTED.format(key="identity_id", source="(SELECT * FROM contact_month WHERE month = $1)")}) AS costed
    GROUP BY identity_id, month HAVING sum(cost) > 0
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


async def is_costed(connection: Connection) -> bool:
    """Whether the cost of some contact is known."""
    return bool(await connection.fetchval(f"SELECT {KNOWN}"))


async def store_id(pool: asyncpg.Pool[asyncpg.Record]) -> UUID:
    """The name of this database's column files; made at the first call."""
    await pool.execute("INSERT INTO ranking DEFAULT VALUES ON CONFLICT DO NOTHING")
    found: UUID = await pool.fetchval("SELECT store_id FROM ranking")
    return found
