"""Statements about recipients."""

from typing import Any
from uuid import UUID

from rapport.database import Connection

_COLUMNS = """
    SELECT r.campaign_id, r.profile_id, r.identity_id, r.included, r.reason, r.arm, r.assigned_at,
        CASE WHEN NOT r.included THEN 'excluded' WHEN s.state = 'leased' THEN 'pending'
            ELSE coalesce(s.state, 'control') END AS state,
        s.reason AS detail, s.sent_at, s.send_id, s.message_id, coalesce(s.attempts, 0) AS attempts
    FROM recipient r LEFT JOIN send s ON s.campaign_id = r.campaign_id AND s.profile_id = r.profile_id
"""
_PAGE = (
    "WITH place AS ("
    + _COLUMNS
    + """
        WHERE r.campaign_id = $1 AND ($2::uuid IS NULL OR r.profile_id > $2))
    SELECT * FROM place WHERE ($4::text IS NULL OR state = $4) AND ($5::text IS NULL OR arm = $5)
    ORDER BY profile_id LIMIT $3
"""
)
# The customer may have had another profile id when the audience was frozen.
_ONE = (
    _COLUMNS
    + """
    WHERE r.campaign_id = $1 AND r.profile_id IN (
        SELECT $2
        UNION SELECT profile_id FROM identity_map WHERE seed_profile_id = $2
        UNION SELECT other.seed_profile_id FROM identity_map mine JOIN identity_map other USING (profile_id)
        WHERE mine.seed_profile_id = $2 OR mine.profile_id = $2)
    ORDER BY r.profile_id = $2 DESC, r.included DESC, r.profile_id
    LIMIT 1
"""
)
_TRIES = "SELECT number, started_at, ended_at, outcome, detail FROM attempt WHERE send_id = $1 ORDER BY number"
_KNOWN = "SELECT EXISTS (SELECT FROM identity_map WHERE profile_id = $1 OR seed_profile_id = $1)"
_CAMPAIGN = "SELECT state, launched_at, prepared_at FROM campaign WHERE campaign_id = $1"


async def campaign(connection: Connection, campaign_id: UUID) -> dict[str, Any] | None:
    """State of a campaign, and when its audience was frozen."""
    row = await connection.fetchrow(_CAMPAIGN, campaign_id)
    return dict(row) if row else None


async def page(
    connection: Connection, campaign_id: UUID, after: UUID | None, limit: int, state: str | None, arm: str | None
) -> list[dict[str, Any]]:
    """Recipients by profile id."""
    return [dict(row) for row in await connection.fetch(_PAGE, campaign_id, after, limit, state, arm)]


async def one(connection: Connection, campaign_id: UUID, profile_id: UUID) -> dict[str, Any] | None:
    """A customer's place, under whichever of their profile ids."""
    row = await connection.fetchrow(_ONE, campaign_id, profile_id)
    return dict(row) if row else None


async def tries(connection: Connection, send_id: UUID | None) -> list[dict[str, Any]]:
    """Every try to deliver a message."""
    return [dict(row) for row in await connection.fetch(_TRIES, send_id)]


async def is_known(connection: Connection, profile_id: UUID) -> bool:
    """Whether this service has heard of a profile."""
    return bool(await connection.fetchval(_KNOWN, profile_id))
