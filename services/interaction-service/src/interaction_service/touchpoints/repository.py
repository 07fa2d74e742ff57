"""SQL of the touchpoints."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
from rapport.database import Connection

from interaction_service.touchpoints.intake import Intake

_COLUMNS = (
    "identity_id",
    "occurred_at",
    "touchpoint_id",
    "received_at",
    "type",
    "name",
    "channel",
    "direction",
    "source",
    "message_id",
    "data",
    "context",
)
# In the order of the key, so that two batches with the same messages wait for rather than block each other.
_CLAIM = """
    INSERT INTO collected_message (key, touchpoint_id, received_at)
    SELECT key, touchpoint_id, $3 FROM unnest($1::uuid[], $2::uuid[]) AS claimed (key, touchpoint_id) ORDER BY key
    ON CONFLICT DO NOTHING
"""
_CLAIMED = "SELECT key, touchpoint_id FROM collected_message WHERE key = ANY($1::uuid[])"
_PURGE = "DELETE FROM collected_message WHERE received_at < now() - make_interval(days => $1)"


async def claim(connection: Connection, keys: Mapping[UUID, str], at: datetime) -> dict[UUID, UUID]:
    """Take message keys for these touchpoint ids; those that were taken before, with the touchpoint they stand for."""
    status = await connection.execute(_CLAIM, list(keys), list(keys.values()), at)
    if status == f"INSERT 0 {len(keys)}":
        return {}
    rows = await connection.fetch(_CLAIMED, list(keys))
    return {row["key"]: row["touchpoint_id"] for row in rows if str(row["touchpoint_id"]) != keys[row["key"]]}


async def insert(connection: Connection, intakes: Sequence[Intake]) -> None:
    """Store touchpoints by COPY."""
    rows = [
        (
            each.identity_id,
            each.occurred_at,
            each.touchpoint_id,
            each.received_at,
            each.type,
            each.name,
            each.channel,
            each.direction,
            each.source,
            each.message_id,
            bytes(each.data).decode(),
            context,
        )
        for each, _, context in intakes
    ]
    await connection.copy_records_to_table("touchpoint", records=rows, columns=_COLUMNS)


async def purge_message_keys(connection: Connection, days: int) -> None:
    """Forget message ids older than `days`."""
    await connection.execute(_PURGE, days)


_HISTORY = """
    SELECT touchpoint_id, identity_id, type, name, channel, direction, occurred_at, received_at, data
    FROM unnest($1::uuid[]) AS own (id)
    CROSS JOIN LATERAL (
        SELECT * FROM touchpoint
        WHERE identity_id = own.id
          AND ($2::text IS NULL OR type = $2)
          AND ($3::text IS NULL OR channel = $3)
          AND occurred_at >= coalesce($4, '-infinity'::timestamptz)
          AND occurred_at < coalesce($5, 'infinity'::timestamptz)
          AND ($6::timestamptz IS NULL OR (occurred_at, touchpoint_id) < ($6, $7::uuid))
        ORDER BY occurred_at DESC, touchpoint_id DESC
        LIMIT $8
    ) AS found
    ORDER BY occurred_at DESC, touchpoint_id DESC
    LIMIT $8
"""


async def history(
    connection: Connection,
    identities: Sequence[UUID],
    type_: str | None,
    channel: str | None,
    since: datetime | None,
    until: datetime | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[asyncpg.Record]:
    """Touchpoints of these identities, newest first, one index scan each."""
    at, touchpoint_id = before or (None, None)
    return await connection.fetch(_HISTORY, identities, type_, channel, since, until, at, touchpoint_id, limit)
