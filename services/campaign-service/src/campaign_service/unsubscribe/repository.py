"""Statements about unsubscribing."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from rapport.database import Connection

_SEND = """
    SELECT s.send_id, s.profile_id, s.identity_id, s.address, s.channel, c.purpose, u.at
    FROM send s JOIN campaign c USING (campaign_id)
        LEFT JOIN unsubscribe u
            ON u.identity_id = s.identity_id AND u.channel = s.channel AND u.purpose = c.purpose
    WHERE s.send_id = $1
"""
_KEEP = """
    INSERT INTO unsubscribe (identity_id, channel, purpose, send_id) VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING RETURNING at
"""


async def send(connection: Connection, send_id: UUID) -> Mapping[str, Any] | None:
    """The message that a link came with, and since when its reader has unsubscribed (`at`)."""
    row = await connection.fetchrow(_SEND, send_id)
    return dict(row) if row else None


async def keep(connection: Connection, found: Mapping[str, Any]) -> datetime | None:
    """Record it; the time, or None when it was recorded before."""
    at: datetime | None = await connection.fetchval(
        _KEEP, found["identity_id"], found["channel"], found["purpose"], found["send_id"]
    )
    return at
