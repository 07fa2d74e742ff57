"""Every statement on rankings and scores."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
from rapport.database import Connection

from segment_service.pyramid.rules import Cutoffs
from segment_service.standing.repository import Rules
from segment_service.standing.rules import Ranks

_GUARD: Final = 7_201_965
_AT_ONCE: Final = 10_000
_COPY_SECONDS: Final = 3_600
_BEHIND = """
    SELECT ranked_at IS NULL OR ranked_at <= now() - make_interval(secs => LEAST($1, 86400))
    FROM ranking, (SELECT COALESCE(max(version), 0) AS newest FROM customer) AS change
    WHERE newest > version OR newest > 0 AND (ranked_at IS NULL OR ranked_at <= now() - interval '24 hours')
"""
_SCORES = """
    CREATE TEMP TABLE scored (profile_id uuid, value_class text, r smallint, f smallint, m smallint) ON COMMIT DROP
"""
_DIFFERING = """
    CREATE TEMP TABLE differing ON COMMIT DROP AS
    SELECT scored.*, row_number() OVER () AS number
    FROM scored JOIN customer USING (profile_id)
    WHERE (customer.value_class, customer.r, customer.f, customer.m)
          IS DISTINCT FROM (scored.value_class, scored.r, scored.f, scored.m)
"""
_RANKING = """
    UPDATE ranking SET
        version = $1, ranked_at = $2, classes = $3, sales = $4, last_order_at = $5, profile_id = $6,
        recency_bounds = CASE WHEN rfm_days = '{}' THEN $7::timestamptz[] ELSE '{}' END,
        frequency_bounds = $8, revenue_bounds = $9
"""
_CURRENCIES = """
    INSERT INTO identity_currency (currency, identity_id)
    SELECT DISTINCT currency, identity_id FROM purchase WHERE currency <> $1
    ON CONFLICT DO NOTHING
"""
_WRITE = """
    UPDATE customer SET value_class = differing.value_class, r = differing.r, f = differing.f, m = differing.m
    FROM differing
    WHERE differing.profile_id = customer.profile_id AND customer.version <= $1
      AND differing.number > $2 AND differing.number <= $3
    RETURNING new.profile_id, new.value_class, new.lifecycle, old.value_class <> new.value_class AS moved
"""


async def guard(connection: Connection) -> bool:
    """Become the one worker that recomputes, for as long as this connection lives; False if another is."""
    return bool(await connection.fetchval("SELECT pg_try_advisory_lock($1)", _GUARD))


async def unguard(connection: Connection) -> None:
    """Let another worker recompute."""
    await connection.execute("SELECT pg_advisory_unlock($1)", _GUARD)


async def is_behind(connection: Connection, seconds: float) -> bool:
    """Whether customers changed since the last ranking and it is time for the next, at least once a day."""
    return bool(await connection.fetchval(_BEHIND, seconds))


async def load(connection: Connection, scores: Path) -> None:
    """Bring a CSV file of class and scores into the transaction, and find the customers who differ from it."""
    await connection.execute(_SCORES)
    await connection.copy_to_table("scored", source=scores, format="csv", timeout=_COPY_SECONDS)
    await connection.execute("ANALYZE scored")
    await connection.execute(_DIFFERING, timeout=_COPY_SECONDS)
    await connection.execute("CREATE INDEX ON differing (number)")


async def keep_ranking(connection: Connection, version: int, now: datetime, ranks: Ranks) -> None:
    """Keep the bounds by which customers who change are placed until the next ranking."""
    await connection.execute(
        _RANKING,
        version,
        now,
        *ranks.columns,
    )


async def write_changed(connection: Connection, version: int) -> AsyncIterator[list[asyncpg.Record]]:
    """Write new class and scores to customers who have not changed since `version`; the rows, some at a time."""
    total = await connection.fetchval("SELECT count(*) FROM differing")
    for start in range(0, total, _AT_ONCE):
        yield await connection.fetch(_WRITE, version, start, start + _AT_ONCE, timeout=_COPY_SECONDS)


async def newer(connection: Connection, version: int) -> list[UUID]:
    """Customers that changed since `version`."""
    rows = await connection.fetch("SELECT profile_id FROM customer WHERE version > $1 ORDER BY profile_id", version)
    return [row[0] for row in rows]


def fingerprint(rules: Rules, cutoffs: Cutoffs) -> dict[str, Any]:
    """The settings that customers are computed with, as JSON values."""
    return {**asdict(rules), "cutoffs": list(cutoffs)}


async def rules(connection: Connection) -> dict[str, Any] | None:
    """The settings that all customers were last computed with."""
    kept = await connection.fetchval("SELECT rules FROM ranking")
    return msgspec.json.decode(kept, type=dict[str, Any]) if kept is not None else None


async def know_currencies(connection: Connection, own: str) -> None:
    """Remember whose amounts are in which currency other than `own`, after another one was the service's."""
    await connection.execute(_CURRENCIES, own, timeout=_COPY_SECONDS)


async def keep_rules(connection: Connection, kept: dict[str, Any]) -> None:
    """Say that all customers are computed with these settings; the ranking is then due."""
    await connection.execute("UPDATE ranking SET rules = $1, ranked_at = NULL", msgspec.json.encode(kept).decode())
