"""Every statement on fitted models and scores."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
from rapport.database import Connection

from segment_service.clv.calculation import Fit, Question

_GUARD: Final = 7_201_966
_COPY_SECONDS: Final = 3_600
_FIT: Final = (
    "fit_id, job_id, fitted_at, calibration_end, horizon_days, time_unit, customers, spenders, log_likelihood, "
    "r, alpha, a, b, p, q, v, holdout, notes"
)
_KEEP = """
    INSERT INTO clv_fit (
        job_id, calibration_end, horizon_days, time_unit, customers, spenders, log_likelihood, r, alpha, a, b, p, q, v,
        holdout, notes
    )
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15::jsonb, $16::jsonb)
    RETURNING fit_id
"""
_NEWEST = f"SELECT {_FIT} FROM clv_fit ORDER BY fit_id DESC LIMIT 1"
_PAGE = f"SELECT {_FIT} FROM clv_fit WHERE $1::uuid IS NULL OR fit_id < $1 ORDER BY fit_id DESC LIMIT $2"
_SCORING = "SELECT fit_id, scored_for, scored_at, version FROM clv_scoring"
_SUMMARY = """
    SELECT profile_id, order_days - 1,
           (last_order_at AT TIME ZONE 'UTC')::date - (first_order_at AT TIME ZONE 'UTC')::date,
           $1::date - (first_order_at AT TIME ZONE 'UTC')::date, repeat_days, repeat_revenue,
           CASE WHEN revenue > 0 THEN round(profit / revenue, 6) END
    FROM customer WHERE orders > 0 AND first_order_at < $1::date + 1
"""
_CHANGED = f"{_SUMMARY} AND version > $2 AND version <= $3"
# A change has one number however many customers it concerns: it is taken whole.
_UP_TO = """
    SELECT max(version) FROM (
        SELECT version FROM customer WHERE version > $1 ORDER BY version LIMIT $2
    ) AS next
"""
_SCORED = """
    CREATE TEMP TABLE clv_scored (
        profile_id uuid, p_alive numeric, expected_orders numeric, value numeric, clv_12m numeric, by_margin boolean
    )
"""
_COLUMNS: Final = "profile_id, p_alive, expected_orders, value, clv_12m, by_margin"
_DIFFERING = f"""
    CREATE TEMP TABLE clv_differing AS
    SELECT {_COLUMNS}, row_number() OVER () AS number FROM (
        SELECT * FROM clv_scored EXCEPT SELECT {_COLUMNS} FROM clv_score
    ) AS every
"""
_UPSERT: Final = """
    ON CONFLICT (profile_id) DO UPDATE SET
        p_alive = EXCLUDED.p_alive, expected_orders = EXCLUDED.expected_orders, value = EXCLUDED.value,
        clv_12m = EXCLUDED.clv_12m, by_margin = EXCLUDED.by_margin
"""
_WRITE = f"""
    INSERT INTO clv_score ({_COLUMNS})
    SELECT profile_id, differing.p_alive, differing.expected_orders, value, differing.clv_12m, by_margin
    FROM clv_differing AS differing JOIN customer USING (profile_id)
    WHERE customer.version <= $1 AND number > $2 AND number <= $3
    {_UPSERT}
    RETURNING profile_id
"""
_WRITE_SOME = f"""
    INSERT INTO clv_score ({_COLUMNS})
    SELECT * FROM (
        SELECT * FROM unnest($1::uuid[], $2::numeric[], $3::numeric[], $4::numeric[], $5::numeric[], $6::boolean[])
        EXCEPT SELECT {_COLUMNS} FROM clv_score WHERE profile_id = ANY($1)
    ) AS differing
    {_UPSERT}
    RETURNING profile_id
"""
_DROP_EMPTY = """
    DELETE FROM clv_score USING customer
    WHERE clv_score.profile_id = customer.profile_id AND customer.version > $1 AND customer.version <= $2
      AND customer.orders = 0
    RETURNING clv_score.profile_id
"""
_MARK = """
    INSERT INTO clv_scoring AS kept (fit_id, scored_for, scored_at, version) VALUES ($1, $2, now(), $3)
    ON CONFLICT (id) DO UPDATE SET
        fit_id = EXCLUDED.fit_id, scored_for = EXCLUDED.scored_for, scored_at = EXCLUDED.scored_at,
        version = GREATEST(kept.version, EXCLUDED.version)
"""


async def guard(connection: Connection) -> bool:
    """Become the one worker that scores, for as long as this connection lives; False if another is."""
    return bool(await connection.fetchval("SELECT pg_try_advisory_lock($1)", _GUARD))


async def unguard(connection: Connection) -> None:
    """Let another worker score."""
    await connection.execute("SELECT pg_advisory_unlock($1)", _GUARD)


async def keep(connection: Connection, job_id: UUID, question: Question, found: Fit) -> UUID:
    """Keep a fit, the newest from now on; its id."""
    spend = found.model.spend or (None, None, None)
    holdout = None if found.holdout is None else _json(_plain(found.holdout))
    fit_id: UUID = await connection.fetchval(
        _KEEP,
        job_id,
        question.end,
        question.horizon_days,
        question.unit,
        found.customers,
        found.spenders,
        found.log_likelihood,
        *found.model.purchases,
        *spend,
        holdout,
        _json(found.notes),
    )
    return fit_id


async def newest(connection: Connection | asyncpg.Pool[asyncpg.Record]) -> asyncpg.Record | None:
    """The model in use."""
    return await connection.fetchrow(_NEWEST)


async def page(connection: Connection, before: UUID | None, limit: int) -> list[asyncpg.Record]:
    """Fits, newest first."""
    return await connection.fetch(_PAGE, before, limit)


async def scoring(connection: Connection | asyncpg.Pool[asyncpg.Record]) -> asyncpg.Record | None:
    """How far scores are."""
    return await connection.fetchrow(_SCORING)


async def summaries(connection: Connection, today: date, target: Path) -> None:
    """What the model needs of everybody who ever ordered, as a CSV file."""
    await connection.copy_from_query(_SUMMARY, today, output=target, format="csv", timeout=_COPY_SECONDS)


async def up_to(connection: Connection, version: int, limit: int) -> int | None:
    """The change up to which about `limit` customers changed since `version`; None when nobody did."""
    found: int | None = await connection.fetchval(_UP_TO, version, limit)
    return found


async def changed(connection: Connection, today: date, since: int, until: int) -> list[asyncpg.Record]:
    """The same of customers that changed after `since`, up to `until`."""
    return await connection.fetch(_CHANGED, today, since, until)


async def write_some(connection: Connection, rows: Sequence[Sequence[Any]], since: int, until: int) -> list[UUID]:
    """Write scores of customers that changed, drop those of customers without orders; whose are others now."""
    found = [row[0] for row in await connection.fetch(_DROP_EMPTY, since, until)]
    if rows:
        found += [row[0] for row in await connection.fetch(_WRITE_SOME, *map(list, zip(*rows, strict=True)))]
    return found


async def load(connection: Connection, scores: Path) -> int:
    """Bring a CSV file of scores to this connection and find those that differ; how many they are. See `drop`."""
    await drop(connection)
    await connection.execute(_SCORED)
    await connection.copy_to_table("clv_scored", source=scores, format="csv", timeout=_COPY_SECONDS)
    await connection.execute(_DIFFERING, timeout=_COPY_SECONDS)
    await connection.execute("CREATE INDEX ON clv_differing (number)")
    await connection.execute("ANALYZE clv_differing")
    return int(await connection.fetchval("SELECT count(*) FROM clv_differing"))


async def drop(connection: Connection) -> None:
    """Leave nothing of `load` on the connection."""
    await connection.execute("DROP TABLE IF EXISTS clv_scored, clv_differing")


async def write(connection: Connection, version: int, after: int, until: int) -> list[UUID]:
    """Write loaded scores of customers who have not changed since `version`; whose they are."""
    rows = await connection.fetch(_WRITE, version, after, until, timeout=_COPY_SECONDS)
    return [row[0] for row in rows]


async def mark(connection: Connection, fit_id: UUID, scored_for: date | None, version: int) -> None:
    """Say that scores are by this model for this day, with every change up to `version`."""
    await connection.execute(_MARK, fit_id, scored_for, version)


def _plain(holdout: Any) -> dict[str, Any]:
    return {**holdout._asdict(), "groups": [each._asdict() for each in holdout.groups]}


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
