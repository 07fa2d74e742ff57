"""Every statement on the days on which customers ordered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from rapport.database import Connection

from segment_service.lifecycle.rules import OrderDay

# An order cancelled under one of a profile's identities is cancelled.
_DAYS: Final = """
    WITH line AS (
        SELECT profile_id, order_id, ordered_at, cancelled_at, completed_at, amended_at, twin
        FROM purchase JOIN identity_map USING (identity_id) WHERE profile_id = ANY($1::uuid[])
    ),
    placed AS (
        SELECT profile_id, ordered_at FROM line WHERE NOT twin AND ordered_at IS NOT NULL AND cancelled_at IS NULL
        UNION ALL
        SELECT profile_id, COALESCE(min(completed_at), min(amended_at)) FROM line WHERE twin
        GROUP BY profile_id, order_id
        HAVING bool_and(cancelled_at IS NULL) AND COALESCE(min(completed_at), min(amended_at)) IS NOT NULL
    )
    SELECT profile_id, min(ordered_at), max(ordered_at) FROM placed WHERE ordered_at <= $2
    GROUP BY profile_id, (ordered_at AT TIME ZONE 'UTC')::date ORDER BY profile_id, 2
"""
_CONTACTED: Final = "SELECT profile_id, contacted_at FROM customer WHERE profile_id = $1"
_SURVIVOR: Final = "SELECT profile_id FROM identity_map WHERE seed_profile_id = $1 LIMIT 1"


async def order_days(connection: Connection, profiles: Sequence[UUID], now: datetime) -> Mapping[UUID, list[OrderDay]]:
    """Days with orders up to `now`, in their order, by profile."""
    found: dict[UUID, list[OrderDay]] = defaultdict(list)
    for profile, first, last in await connection.fetch(_DAYS, profiles, now):
        found[profile].append(OrderDay(first, last))
    return found


async def contacted(connection: Connection, profile_id: UUID) -> tuple[UUID, datetime | None] | None:
    """The profile that answers for an id, and when it was first in touch; None for one that is not known."""
    row = await connection.fetchrow(_CONTACTED, profile_id)
    if row is None and (survivor := await connection.fetchval(_SURVIVOR, profile_id)) is not None:
        row = await connection.fetchrow(_CONTACTED, survivor)
    return None if row is None else (row[0], row[1])
