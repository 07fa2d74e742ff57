"""The SQL of reading the ledger."""

from collections.abc import Collection
from typing import NamedTuple
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
_WORDS = """
    SELECT cannot_link_id, made_at, made_by, withdrawn_at, withdrawn_by, withdrawal_reason,
        array_agg(DISTINCT link_id) FILTER (WHERE link_id IS NOT NULL) AS links,
        array_agg(DISTINCT a) AS smaller, array_agg(DISTINCT b) AS greater,
        array_agg(b) FILTER (WHERE a = first) AS side
    FROM (
        SELECT *, first_value(a) OVER (PARTITION BY cannot_link_id ORDER BY a) AS first FROM cannot_link
        WHERE cannot_link_id IN (
            SELECT cannot_link_id FROM cannot_link
            WHERE (a = ANY($1::uuid[]) OR b = ANY($1::uuid[])) AND ($2::uuid IS NULL OR cannot_link_id < $2)
            GROUP BY cannot_link_id ORDER BY cannot_link_id DESC LIMIT $3
        )
    ) AS word
    GROUP BY cannot_link_id, made_at, made_by, withdrawn_at, withdrawn_by, withdrawal_reason
    ORDER BY cannot_link_id DESC
"""
_WITHDRAW = """
    UPDATE cannot_link SET withdrawn_at = now(), withdrawn_by = $2, withdrawal_reason = $3
    WHERE cannot_link_id = $1 AND withdrawn_at IS NULL RETURNING a, b
"""
_IDENTIFIERS = "SELECT identity_id, kind, value FROM identity WHERE identity_id = ANY($1::uuid[])"


class Word(NamedTuple):
    """An operator's word that what is on one of two `sides` is another customer than what is on the other.

    Each side is of identities as (id, kind, value).
    """

    row: asyncpg.Record
    sides: tuple[list[asyncpg.Record], list[asyncpg.Record]]


async def ends_of(connection: Connection, link_id: UUID) -> tuple[UUID, UUID] | None:
    """The two identities of a link that stands."""
    row = await connection.fetchrow(_ENDS, link_id)
    return None if row is None else (row["a"], row["b"])


async def page(
    connection: Connection, identities: Collection[UUID], before: UUID | None, limit: int
) -> list[asyncpg.Record]:
    """Links that touch any of these identities, newest first, retracted and held ones included."""
    return await connection.fetch(_PAGE, list(identities), before, limit)


async def words(connection: Connection, identities: Collection[UUID], before: UUID | None, limit: int) -> list[Word]:
    """What operators keep any of these identities apart from, newest first, withdrawn words included."""
    rows = await connection.fetch(_WORDS, list(identities), before, limit)
    everybody = {each for row in rows for each in (*row["smaller"], *row["greater"])}
    found = {row["identity_id"]: row for row in await connection.fetch(_IDENTIFIERS, list(everybody))}
    said = []
    for row in rows:
        # Every pair across is kept apart, and the smallest identity of all is on the first side.
        other = set(row["side"])
        one = {*row["smaller"], *row["greater"]} - other
        said.append(Word(row, ([found[each] for each in sorted(one)], [found[each] for each in sorted(other)])))
    return said


async def withdraw(connection: Connection, cannot_link_id: UUID, by: str, reason: str | None) -> set[UUID]:
    """Take a word back; the identities that it kept apart, none if it does not stand."""
    rows = await connection.fetch(_WITHDRAW, cannot_link_id, by, reason)
    return {each for row in rows for each in row}
