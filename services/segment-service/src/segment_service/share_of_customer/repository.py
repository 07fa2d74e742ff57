"""Every statement on what customers spend elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

import asyncpg
from rapport.database import Connection

from segment_service.share_of_customer.rules import ORIGINS, Benchmark

_RANK: Final = f"array_position(ARRAY{list(ORIGINS)!r}, origin)"
# What is said under a profile's id goes with the identity which that profile began with, through merges and back.
_IDENTITY: Final = """
    SELECT identity_id FROM identity_map WHERE profile_id = $2 ORDER BY seed_profile_id IS DISTINCT FROM $1, identity_id
    LIMIT 1
"""
_SAY: Final = """
    INSERT INTO spend_estimate (identity_id, category, origin, at, amount, currency, source)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (identity_id, category, origin, at) DO UPDATE SET
        amount = EXCLUDED.amount, currency = EXCLUDED.currency, source = EXCLUDED.source
    RETURNING old.identity_id IS NULL
"""
_SAID: Final = """
    SELECT category, origin, at, amount, currency, source
    FROM spend_estimate JOIN identity_map USING (identity_id) WHERE profile_id = $1
    ORDER BY at DESC, category, origin, identity_id LIMIT 500
"""
_COMPETE: Final = """
    INSERT INTO competitor (identity_id, name, share, amount, currency, source, at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (identity_id, name) DO UPDATE SET
        share = EXCLUDED.share, amount = EXCLUDED.amount, currency = EXCLUDED.currency, source = EXCLUDED.source,
        at = EXCLUDED.at
    RETURNING old.identity_id IS NULL
"""
_COMPETITORS: Final = """
    SELECT DISTINCT ON (name) name, share, amount, currency, source, at
    FROM competitor JOIN identity_map USING (identity_id) WHERE profile_id = $1 ORDER BY name, at DESC, identity_id
"""
_WITHDRAW: Final = """
    DELETE FROM competitor USING identity_map
    WHERE identity_map.identity_id = competitor.identity_id AND identity_map.profile_id = $1 AND name = $2
"""
_BENCHMARKS: Final = "SELECT kind, size, value_class, amount FROM spend_benchmark WHERE own = $1 ORDER BY position"
_ADD_BENCHMARKS: Final = """
    INSERT INTO spend_benchmark (own, position, kind, size, value_class, amount)
    SELECT $1, * FROM unnest($2::int[], $3::text[], $4::text[], $5::text[], $6::numeric[])
"""
_BOUND: Final = """
    SELECT min(bound.sales) FROM ranking, unnest(classes, sales) AS bound (value_class, sales)
    WHERE value_class IN ('top', 'large', 'medium')
"""


def _told(which: str) -> str:
    """The word that counts of each category, with its worth in own currency $1, as `worth`."""
    return f"""
        WITH told AS (
            SELECT DISTINCT ON (profile_id, category)
                   profile_id, category, origin, at, amount, currency, source, {_RANK} AS place
            FROM spend_estimate JOIN identity_map USING (identity_id) {which}
            ORDER BY profile_id, category, {_RANK}, at DESC, amount DESC, identity_id
        ), worth AS (
            SELECT *, round(amount * CASE WHEN currency = $1 THEN 1 ELSE (
                SELECT rate.rate FROM rate
                WHERE rate.own = $1 AND rate.currency = told.currency
                  AND rate.holds_from <= (now() AT TIME ZONE 'UTC')::date
                ORDER BY rate.holds_from DESC LIMIT 1
            ) END, 2) AS value FROM told
        )
    """


_WORTH: Final = f"""
    {_told("WHERE profile_id = $2")} SELECT category, origin, at, amount, currency, source, value FROM worth
    ORDER BY category
"""
# Without a word on the whole, the categories add up to it.
_TOTAL: Final = """
    , total AS (
        SELECT profile_id, COALESCE(max(value) FILTER (WHERE category = ''), sum(value)) AS a_year,
               COALESCE(max(place) FILTER (WHERE category = '' AND value IS NOT NULL),
                        max(place) FILTER (WHERE value IS NOT NULL)) AS place
        FROM worth GROUP BY profile_id
    )
"""
_PERSON: Final = """
    customer.profile_id, value_class, period_revenue, COALESCE(profile_copy.kind, 'person') AS kind, size.text AS size,
    size.number AS employees,
    ARRAY(SELECT DISTINCT name FROM competitor JOIN identity_map USING (identity_id)
          WHERE identity_map.profile_id = customer.profile_id ORDER BY name) AS competitors
"""
_ABOUT: Final = """
    LEFT JOIN profile_copy ON profile_copy.profile_id = customer.profile_id
    LEFT JOIN trait AS size ON size.profile_id = customer.profile_id AND size.key = {key} AND size.position = 0
"""
_ONE: Final = f"SELECT {_PERSON} FROM customer {_ABOUT.format(key='$2')} WHERE customer.profile_id = $1"
_PAGE: Final = f"""
    {_told("")} {_TOTAL},
    candidate AS (
        SELECT {_PERSON}, a_year, place, GREATEST(round(a_year * $3 / 365, 2) - period_revenue, 0) AS potential
        FROM total JOIN customer USING (profile_id) {_ABOUT.format(key="$2")}
        WHERE a_year IS NOT NULL
    )
    SELECT * FROM candidate WHERE $4::numeric IS NULL OR (-potential, profile_id) > (-$4::numeric, $5::uuid)
    ORDER BY -potential, profile_id LIMIT $6
"""


class Estimate(NamedTuple):
    """What somebody said of a customer's spending a year; category '' is all of it."""

    category: str
    origin: str
    at: datetime
    amount: Decimal
    currency: str
    source: str | None


class Competitor(NamedTuple):
    """Who else serves a customer, with their share of all, or amount a year, if known."""

    name: str
    share: Decimal | None
    amount: Decimal | None
    currency: str | None
    source: str | None
    at: datetime


async def identity(connection: Connection, asked: UUID, profile: UUID) -> UUID:
    """The identity under which something is kept that is said of `asked`, which is `profile` now."""
    found: UUID = await connection.fetchval(_IDENTITY, asked, profile)
    return found


async def say(connection: Connection, identity_id: UUID, said: Estimate) -> bool:
    """Keep what is said; whether it is a new word and not the same one put right."""
    category, origin, at, *rest = said
    return bool(await connection.fetchval(_SAY, identity_id, category, origin, at, *rest))


async def said(connection: Connection, profile: UUID) -> list[Estimate]:
    """The last 500 words, newest first."""
    return [Estimate(*row) for row in await connection.fetch(_SAID, profile)]


async def worth(connection: Connection, profile: UUID, own: str) -> list[tuple[Estimate, Decimal | None]]:
    """The word that counts of each category, and its worth in `own` currency; None without a rate."""
    return [(Estimate(*row[:6]), row[6]) for row in await connection.fetch(_WORTH, own, profile)]


async def compete(connection: Connection, identity_id: UUID, known: Competitor) -> bool:
    """Keep a competitor; whether they are new."""
    return bool(await connection.fetchval(_COMPETE, identity_id, *known))


async def competitors(connection: Connection, profile: UUID) -> list[Competitor]:
    """Who else serves a customer, by name."""
    return [Competitor(*row) for row in await connection.fetch(_COMPETITORS, profile)]


async def withdraw(connection: Connection, profile: UUID, name: str) -> bool:
    """Forget a competitor of a customer; whether there was one."""
    return await connection.execute(_WITHDRAW, profile, name) != "DELETE 0"


async def benchmarks(connection: Connection, own: str) -> list[Benchmark]:
    """What is usual, in the order in which it is looked up."""
    return [Benchmark(*row) for row in await connection.fetch(_BENCHMARKS, own)]


async def replace_benchmarks(connection: Connection, own: str, some: Sequence[Benchmark]) -> None:
    """Keep these and no others."""
    # Of two at the same time the later one holds, as a whole.
    await connection.execute("LOCK TABLE spend_benchmark IN SHARE ROW EXCLUSIVE MODE")
    await connection.execute("DELETE FROM spend_benchmark WHERE own = $1", own)
    if some:
        columns = (list(column) for column in zip(*some, strict=True))
        await connection.execute(_ADD_BENCHMARKS, own, list(range(len(some))), *columns)


async def bound(connection: Connection) -> Decimal | None:
    """What the last customer above small bought in the period, by the last ranking; None before the first."""
    found: Decimal | None = await connection.fetchval(_BOUND)
    return found


async def person(connection: Connection, profile: UUID, size_trait: str) -> asyncpg.Record | None:
    """A customer's class, sales, kind, size and competitors."""
    return await connection.fetchrow(_ONE, profile, size_trait)


async def page(
    connection: Connection,
    own: str,
    size_trait: str,
    period_days: int,
    after: tuple[Decimal, UUID] | None,
    limit: int,
) -> list[Mapping[str, Any]]:
    """The same of everybody of whom a total is known, biggest open potential first."""
    rows = await connection.fetch(_PAGE, own, size_trait, period_days, *(after or (None, None)), limit)
    return [dict(row) for row in rows]
