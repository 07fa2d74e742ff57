"""Every statement on revaluations."""

from __future__ import annotations

from datetime import date
from typing import Final
from uuid import UUID

import asyncpg
from rapport.database import Connection

_ADD = "INSERT INTO revaluation (kind, subject, since, until) VALUES ($1, $2, $3, $4)"
_NEXT = """
    SELECT revaluation_id, kind, subject, since, until, after FROM revaluation ORDER BY revaluation_id LIMIT 1
    FOR UPDATE SKIP LOCKED
"""
# A slice of all identities of the currency, of whom those count that have an order in these days.
_OF_RATES = """
    WITH slice AS MATERIALIZED (
        SELECT identity_id FROM identity_currency
        WHERE currency = $1 AND ($2::uuid IS NULL OR identity_id > $2) ORDER BY identity_id LIMIT $5
    )
    SELECT identity_id, EXISTS (
        SELECT FROM purchase
        WHERE purchase.identity_id = slice.identity_id AND (
            -- What was only given back here may be of another identity's order, of any day.
            ordered_at IS NULL
            OR ordered_at >= $3::date::timestamp AT TIME ZONE 'UTC'
            AND ($4::date IS NULL OR ordered_at < $4::date::timestamp AT TIME ZONE 'UTC')
        )
    ) FROM slice
"""
_OF_SERVICE = """
    WITH slice AS MATERIALIZED (
        SELECT DISTINCT identity_id FROM contact_month
        WHERE $2::uuid IS NULL OR identity_id > $2 ORDER BY identity_id LIMIT $5
    )
    SELECT identity_id, EXISTS (
        SELECT FROM contact_month AS counted
        WHERE counted.identity_id = slice.identity_id AND channel = $1 AND month >= $3
          AND ($4::date IS NULL OR month < $4)
    ) FROM slice
"""
_OF_EVERYBODY = """
    SELECT identity_id, true FROM identity_map
    WHERE ($2::uuid IS NULL OR identity_id > $2) AND num_nulls($1::text, $3::date, $4::date) >= 0
    ORDER BY identity_id LIMIT $5
"""
_OF: Final = {"rates": _OF_RATES, "service": _OF_SERVICE, "everybody": _OF_EVERYBODY}
_MOVE_ON = "UPDATE revaluation SET after = $2 WHERE revaluation_id = $1"
_END = "DELETE FROM revaluation WHERE revaluation_id = $1"


async def add(connection: Connection, kind: str, subject: str, since: date, until: date | None) -> None:
    """Remember that there is work."""
    await connection.execute(_ADD, kind, subject, since, until)


async def take(connection: Connection) -> asyncpg.Record | None:
    """The oldest work that nobody is at."""
    return await connection.fetchrow(_NEXT)


async def identities(connection: Connection, work: asyncpg.Record, limit: int) -> list[tuple[UUID, bool]]:
    """The next identities of the work, and whether each is concerned."""
    rows = await connection.fetch(
        _OF[work["kind"]], work["subject"], work["after"], work["since"], work["until"], limit
    )
    return [(row[0], row[1]) for row in rows]


async def move_on(connection: Connection, work: asyncpg.Record, after: UUID) -> None:
    """The work is done up to this identity."""
    await connection.execute(_MOVE_ON, work["revaluation_id"], after)


async def end(connection: Connection, work: asyncpg.Record) -> None:
    """The work is done."""
    await connection.execute(_END, work["revaluation_id"])
