"""Who a rule describes."""

from uuid import UUID

import asyncpg
from rapport.database import Connection


async def page(connection: Connection, members: str, after: UUID | None, limit: int) -> list[asyncpg.Record]:
    """Customers whom the query `members` gives, in the order of their ids, from the one behind `after`."""
    beyond, last = ("WHERE profile_id > $2", [after]) if after is not None else ("", [])
    return await connection.fetch(
        "SELECT profile_id, value_class, lifecycle "
        f"FROM (SELECT profile_id FROM ({members}) AS member {beyond} ORDER BY profile_id LIMIT $1) AS page "
        "JOIN customer USING (profile_id) ORDER BY profile_id",
        limit,
        *last,
    )


async def size(connection: Connection, members: str) -> int:
    """How many customers the query `members` gives."""
    return int(await connection.fetchval(f"SELECT count(*) FROM ({members}) AS member"))
