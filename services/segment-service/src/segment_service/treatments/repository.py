"""Every statement on treatments."""

from __future__ import annotations

from typing import Any, Final, TypeAlias
from uuid import UUID

import asyncpg
import msgspec
from rapport.database import Connection

Reader: TypeAlias = "Connection | asyncpg.Pool[asyncpg.Record]"

_TREATMENT: Final = "SELECT key, document, version, changed_at, changed_by FROM treatment"
_PUT = """
    INSERT INTO treatment AS kept (key, document, changed_by) VALUES ($1, $2, $3)
    ON CONFLICT (key) DO UPDATE SET
        document = EXCLUDED.document, version = kept.version + 1, changed_at = now(), changed_by = EXCLUDED.changed_by
"""
# By class and grades: some dozens of rows, whatever the number of customers.
_SIZES = """
    SELECT value_class, grades, count(*), sum(period_revenue), sum(profit), count(profit)
    FROM customer LEFT JOIN LATERAL (
        SELECT jsonb_object_agg(scheme, grade) AS grades FROM grade_held AS each
        WHERE each.profile_id = customer.profile_id
    ) AS held ON true
    GROUP BY value_class, grades
"""
_GRADES = "SELECT scheme, grade FROM grade_held WHERE profile_id = $1"
_CLASS = "SELECT value_class FROM customer WHERE profile_id = $1"


async def read(connection: Reader, key: str) -> asyncpg.Record | None:
    """A treatment by its key."""
    return await connection.fetchrow(f"{_TREATMENT} WHERE key = $1", key)


async def everything(connection: Reader) -> list[asyncpg.Record]:
    """All treatments in the order of their keys."""
    return await connection.fetch(f"{_TREATMENT} ORDER BY key")


async def put(connection: Connection, key: str, document: dict[str, Any], by: str) -> None:
    """Write a treatment."""
    await connection.execute(_PUT, key, msgspec.json.encode(document).decode(), by)


async def remove(connection: Connection, key: str) -> None:
    """Remove a treatment."""
    await connection.execute("DELETE FROM treatment WHERE key = $1", key)


async def sizes(connection: Connection) -> list[asyncpg.Record]:
    """Customers, their sales in the period and their profit, by class and grades."""
    return await connection.fetch(_SIZES, timeout=60)


async def class_and_grades(connection: Connection, profile_id: UUID) -> tuple[str, dict[str, str]] | None:
    """What a customer is treated by."""
    value_class = await connection.fetchval(_CLASS, profile_id)
    if value_class is None:
        return None
    return value_class, {row[0]: row[1] for row in await connection.fetch(_GRADES, profile_id)}
