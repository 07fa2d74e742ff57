"""Every statement on the scoring rule; the bounds in force stand in the row of the ranking, which places customers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import asyncpg
from rapport.database import Connection

from segment_service.standing.rules import FixedScores

_READ = """
    SELECT rfm_version, rfm_days, recency_bounds, frequency_bounds, revenue_bounds, ranked_at FROM ranking
"""
# Without bounds nobody has scores until the ranking that is now due.
_PUT = """
    UPDATE ranking SET
        rfm_version = rfm_version + 1, rfm_days = $1, recency_bounds = '{}', frequency_bounds = $2,
        revenue_bounds = $3, ranked_at = NULL
    RETURNING rfm_version
"""
_SCORES = """
    SELECT r, f, m, count(*) AS customers, sum(revenue) AS revenue FROM customer WHERE r IS NOT NULL GROUP BY r, f, m
"""


async def read(connection: Connection) -> asyncpg.Record:
    """What customers are scored by."""
    row = await connection.fetchrow(_READ)
    assert row is not None  # noqa: S101  made before the service answers
    return row


async def fixed(connection: Connection | asyncpg.Pool[Any]) -> FixedScores | None:
    """The bounds that the firm fixed, None for quintiles."""
    row = await connection.fetchrow(_READ)
    if row is None or not row["rfm_days"]:
        return None
    return FixedScores(tuple(row["rfm_days"]), tuple(row["frequency_bounds"]), tuple(row["revenue_bounds"]))


async def put(connection: Connection, days: list[int], frequency: list[int], monetary: list[Decimal]) -> int:
    """Score by these bounds from now on, by quintiles if there are none; the version."""
    return int(await connection.fetchval(_PUT, days, frequency, monetary))


async def scores(connection: Connection) -> list[asyncpg.Record]:
    """How many customers have which scores."""
    return await connection.fetch(_SCORES)
