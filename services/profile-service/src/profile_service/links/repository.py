"""The SQL of reading the ledger."""

from collections.abc import Collection
from uuid import UUID

import asyncpg
from rapport.database import Connection

_ENDS = "SELECT a, b FROM link WHERE link_id = $1 AND retracted_at IS NULL"
_PAGE = """
    SELECT link.*, one.kind AS a_kind, one.value AS a_value, other.kind AS b_kind, other.value AS b_value
    FROM link
    JOIN identity AS one ON one.identity_id = link.a
    JOIN identity AS other ON other.identity_id = link.b
    WHERE (link.a = ANY($1::uuid[]) OR link.b = ANY($1::uuid[])) AND ($2::uuid IS NULL OR link.link_id < $2)
    ORDER BY link.link_id DESC LIMIT $3
"""


async def ends_of(connection: Connection, link_id: UUID) -> tuple[UUID, UUID] | None:
    """The two identities of a link that stands."""
    row = await connection.fetchrow(_ENDS, link_id)
    return None if row is None else (row["a"], row["b"])


async def page(
    connection: Connection, identities: Collection[UUID], before: UUID | None, limit: int
) -> list[asyncpg.Record]:
    """Links that touch any of these identities, newest first, retracted and held ones included."""
    return await connection.fetch(_PAGE, list(identities), before, limit)
