"""Who a rule describes, from the table of customers."""

from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
from rapport.database import Connection

# The relations that rules are compiled against, as of $1.
_RELATIONS: Final = """
    WITH clock AS NOT MATERIALIZED (SELECT $1::timestamptz AT TIME ZONE 'UTC' AS now),
    customer AS NOT MATERIALIZED (
        SELECT profile_id, value_class, lifecycle, orders, orders_elsewhere, revenue, profit, period_orders,
               period_revenue, first_order_at AT TIME ZONE 'UTC' AS first_order_at,
               last_order_at AT TIME ZONE 'UTC' AS last_order_at, r, f, m
        FROM customer
    )
"""


async def page(
    connection: Connection, members: str, now: datetime, after: UUID | None, limit: int
) -> list[asyncpg.Record]:
    """Customers whom the query `members` gives, in the order of their ids, from the one behind `after`."""
    beyond, last = ("WHERE profile_id > $3", [after]) if after is not None else ("", [])
    return await connection.fetch(
        f"{_RELATIONS} SELECT profile_id, value_class, lifecycle "
        f"FROM (SELECT profile_id FROM ({members}) AS member {beyond} ORDER BY profile_id LIMIT $2) AS page "
        "JOIN customer USING (profile_id) ORDER BY profile_id",
        now,
        limit,
        *last,
    )


async def size(connection: Connection, members: str, now: datetime) -> int:
    """How many customers the query `members` gives."""
    return int(await connection.fetchval(f"{_RELATIONS} SELECT count(*) FROM ({members}) AS member", now))
