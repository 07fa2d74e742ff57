"""Every statement on events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from rapport.database import Connection

# What is told again meets its own key, and is not new.
_ADD: Final = """
    INSERT INTO event (identity_id, occurred_at, event_id, version, name, channel, direction, values)
    SELECT identity_id, occurred_at, event_id, $8, name, channel, direction, properties
    FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::jsonb[])
         AS given (identity_id, occurred_at, event_id, name, channel, direction, properties)
    ON CONFLICT DO NOTHING
    RETURNING event_id
"""


class NewEvent(NamedTuple):
    """An event of an identity; `values` is JSON as `rules.stored` gives it."""

    identity_id: UUID
    occurred_at: datetime
    event_id: UUID
    name: str
    channel: str | None
    direction: str | None
    values: str


async def add(connection: Connection, events: Sequence[NewEvent], version: int) -> set[UUID]:
    """Keep events; the ids of those that were not there before."""
    columns = (list(column) for column in zip(*events, strict=True))
    return {row[0] for row in await connection.fetch(_ADD, *columns, version)}
