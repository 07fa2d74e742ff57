"""Every statement on rates."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

import asyncpg
from rapport.database import Connection

Dated = dict[date, Decimal]

_OF = "SELECT currency, holds_from, rate FROM rate WHERE own = $1 AND currency = ANY($2::text[]) ORDER BY holds_from"
_PAGE = """
    SELECT currency, holds_from, rate, set_at FROM rate
    WHERE own = $1 AND ($2::text IS NULL OR currency = $2) AND ($3::text IS NULL OR (currency, holds_from) > ($3, $4))
    ORDER BY currency, holds_from LIMIT $5
"""
_PUT = """
    INSERT INTO rate (own, currency, holds_from, rate)
    SELECT $1, $2, * FROM unnest($3::date[], $4::numeric[])
    ON CONFLICT (own, currency, holds_from) DO UPDATE SET rate = EXCLUDED.rate, set_at = now()
    WHERE rate.rate <> EXCLUDED.rate
"""
_REMOVE = "DELETE FROM rate WHERE own = $1 AND currency = $2 AND holds_from = ANY($3::date[])"


async def of(connection: Connection, own: str, currencies: Sequence[str]) -> dict[str, Dated]:
    """The rates of currencies that have some."""
    found: dict[str, Dated] = {}
    for currency, day, rate in await connection.fetch(_OF, own, currencies):
        found.setdefault(currency, {})[day] = rate
    return found


async def page(
    connection: Connection, own: str, currency: str | None, after: tuple[str, date] | None, limit: int
) -> list[asyncpg.Record]:
    """Rates by currency and day, behind `after`."""
    return await connection.fetch(_PAGE, own, currency, *(after or (None, None)), limit)


async def replace(
    connection: Connection, own: str, currency: str, before: Mapping[date, Decimal], after: Mapping[date, Decimal]
) -> None:
    """Keep `after` instead of `before`."""
    await connection.execute(_PUT, own, currency, list(after), list(after.values()))
    await connection.execute(_REMOVE, own, currency, [day for day in before if day not in after])
