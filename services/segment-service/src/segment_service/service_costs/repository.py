"""Every statement on costs of contacts, and on contacts counted by month."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from rapport.database import Connection

Dated = dict[str, dict[date, Decimal]]


class Count(NamedTuple):
    """What contacts are counted by."""

    identity_id: UUID
    month: date
    channel: str
    direction: str


_OF = "SELECT direction, holds_from, cost FROM service_cost WHERE channel = $1 ORDER BY direction DESC, holds_from"
_ALL = "SELECT channel, direction, holds_from, cost FROM service_cost ORDER BY channel, direction DESC, holds_from"
_PUT = """
    INSERT INTO service_cost (channel, direction, holds_from, cost)
    SELECT $1, * FROM unnest($2::text[], $3::date[], $4::numeric[])
"""
_REMOVE = "DELETE FROM service_cost WHERE channel = $1"
_COUNT = """
    INSERT INTO contact_month AS kept (identity_id, month, channel, direction, contacts)
    SELECT * FROM unnest($1::uuid[], $2::date[], $3::text[], $4::text[], $5::bigint[])
    ON CONFLICT (identity_id, month, channel, direction) DO UPDATE SET contacts = kept.contacts + EXCLUDED.contacts
"""
_COSTED = "SELECT DISTINCT channel, direction FROM service_cost"
_MONTHS = """
    SELECT DISTINCT month FROM contact_month WHERE channel = $1 AND month >= $2 AND ($3::date IS NULL OR month < $3)
"""


async def of(connection: Connection, channel: str) -> Dated:
    """The costs of a channel by direction and first month."""
    found: Dated = {}
    for direction, day, cost in await connection.fetch(_OF, channel):
        found.setdefault(direction, {})[day] = cost
    return found


async def every(connection: Connection) -> dict[str, Dated]:
    """The costs of all channels."""
    found: dict[str, Dated] = {}
    for channel, direction, day, cost in await connection.fetch(_ALL):
        found.setdefault(channel, {}).setdefault(direction, {})[day] = cost
    return found


async def replace(connection: Connection, channel: str, costs: Sequence[tuple[str, date, Decimal]]) -> None:
    """Keep these costs of a channel and no others."""
    await connection.execute(_REMOVE, channel)
    if costs:
        directions, days, amounts = zip(*costs, strict=True)
        await connection.execute(_PUT, channel, directions, days, amounts)


async def count(connection: Connection, counts: Mapping[Count, int]) -> set[tuple[str, str]]:
    """Count contacts of the month; the channels and directions of which a cost is known."""
    ordered = sorted(counts)
    if ordered:
        columns = (list(column) for column in zip(*ordered, strict=True))
        await connection.execute(_COUNT, *columns, [counts[each] for each in ordered])
    return {(row[0], row[1]) for row in await connection.fetch(_COSTED)}


async def months(connection: Connection, channel: str, since: date, until: date | None) -> list[date]:
    """Months with contacts on a channel."""
    return [row[0] for row in await connection.fetch(_MONTHS, channel, since, until, timeout=600)]
