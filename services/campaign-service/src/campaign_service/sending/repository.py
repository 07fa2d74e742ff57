"""Statements of the sending; asyncpg, because each message passes here several times."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from rapport.database import Connection

from campaign_service.sending.rules import Settlement

_RUNNING = """
    SELECT campaign_id FROM campaign WHERE state = 'running' AND prepared_at IS NOT NULL
    ORDER BY priority DESC, launched_at, campaign_id
"""
_LEASE = """
    UPDATE send SET state = 'leased', owner = $2, lease_until = now() + $4 * interval '1 second', updated_at = now()
    WHERE send_id IN (
        SELECT send_id FROM send WHERE campaign_id = $1 AND state = 'pending' AND due_at <= now()
        ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
    RETURNING send_id, campaign_id, step, profile_id, identity_id, channel, arm, address, person, attempts
"""
_CAMPAIGN = "SELECT campaign_id, name, purpose, content, offer, variants FROM campaign WHERE campaign_id = $1"
# The customer may have merged since the audience was frozen: whatever any identity of theirs says now counts.
_AGAINST = """
    WITH theirs AS (
        SELECT s.send_id, s.channel, s.identity_id FROM send s WHERE s.send_id = ANY($1)
        UNION
        SELECT s.send_id, s.channel, other.identity_id
        FROM send s JOIN identity_map mine ON mine.identity_id = s.identity_id
            JOIN identity_map other ON other.profile_id = mine.profile_id
        WHERE s.send_id = ANY($1))
    SELECT theirs.send_id, 'unsubscribed' AS reason
    FROM theirs JOIN unsubscribe u USING (identity_id, channel) WHERE u.purpose = $2
    UNION ALL
    SELECT theirs.send_id, 'complaint_open' FROM theirs JOIN customer_case c USING (identity_id)
    WHERE c.open AND c.kind = 'complaint'
"""
_BEGIN = """
    WITH begun AS (
        UPDATE send s SET state = 'sending', attempts = s.attempts + 1, message_id = $3, subject = $4, language = $5,
            lease_until = now() + $6 * interval '1 second', updated_at = now()
        FROM campaign c
        WHERE s.send_id = $1 AND s.owner = $2 AND s.state = 'leased'
            AND c.campaign_id = s.campaign_id AND c.state = 'running'
            AND NOT EXISTS (SELECT FROM unsubscribe u WHERE u.identity_id = s.identity_id
                AND u.channel = s.channel AND u.purpose = c.purpose)
        RETURNING s.send_id, s.attempts)
    INSERT INTO attempt (send_id, number) SELECT send_id, attempts FROM begun RETURNING number
"""
# `unknown` too: an attempt that was thought lost may still come back with its outcome.
_SETTLE = """
    UPDATE send SET state = $3, reason = $4, due_at = now() + $5, owner = NULL, lease_until = NULL,
        sent_at = CASE WHEN $3 = 'sent' THEN now() END,
        person = CASE WHEN $3 IN ('sent', 'failed') THEN NULL ELSE person END, updated_at = now()
    WHERE send_id = $1 AND attempts = $2 AND state IN ('sending', 'unknown')
    RETURNING sent_at
"""
_ATTEMPTED = "UPDATE attempt SET ended_at = now(), outcome = $3, detail = $4 WHERE send_id = $1 AND number = $2"
_CLOSE = """
    UPDATE send SET state = $3, reason = $4, person = NULL, owner = NULL, lease_until = NULL, updated_at = now()
    WHERE send_id = $1 AND owner = $2 AND state = 'leased'
"""
_RELEASE = """
    UPDATE send SET state = 'pending', owner = NULL, lease_until = NULL, due_at = now() + $2, updated_at = now()
    WHERE owner = $1 AND state = 'leased'
"""
_GIVE_BACK = """
    UPDATE send SET state = 'pending', owner = NULL, lease_until = NULL, updated_at = now()
    WHERE send_id = $1 AND owner = $2 AND state = 'leased'
"""
_HOLD = "UPDATE send SET lease_until = now() + $2 * interval '1 second' WHERE owner = $1 AND state = 'leased'"
_ABANDONED = """
    WITH late AS (
        SELECT send_id, state, attempts FROM send
        WHERE state IN ('leased', 'sending') AND lease_until < now() FOR UPDATE SKIP LOCKED),
    settled AS (
        UPDATE attempt a SET ended_at = now(), outcome = 'uncertain', detail = 'the sender died before an outcome'
        FROM late WHERE late.state = 'sending' AND a.send_id = late.send_id AND a.number = late.attempts)
    UPDATE send s SET state = CASE late.state WHEN 'leased' THEN 'pending' ELSE 'unknown' END,
        reason = CASE late.state WHEN 'leased' THEN s.reason ELSE 'the sender died before an outcome' END,
        owner = NULL, lease_until = NULL, updated_at = now()
    FROM late WHERE s.send_id = late.send_id
"""
_FINISH = """
    UPDATE campaign c SET state = 'finished', ended_at = now(), version = version + 1, updated_at = now()
    WHERE c.state = 'running' AND c.prepared_at IS NOT NULL
        AND now() > c.launched_at + (c.goal ->> 'window_days')::int * interval '1 day'
        AND NOT EXISTS (SELECT FROM send s WHERE s.campaign_id = c.campaign_id
            AND s.state IN ('pending', 'leased', 'sending'))
"""


class Person(msgspec.Struct):
    """What a message is made of, as kept with the send."""

    language: str | None = None
    facts: dict[str, Any] = {}


class Leased(NamedTuple):
    """A message that is ours to send."""

    send_id: UUID
    campaign_id: UUID
    step: str
    profile_id: UUID
    identity_id: UUID
    channel: str
    arm: str
    address: str
    person: Person
    attempts: int


class Frozen(NamedTuple):
    """What all messages of a campaign have in common; `content` and `offers` by arm."""

    campaign_id: UUID
    name: str
    purpose: str
    content: dict[str, Any]
    offer: dict[str, Any] | None
    variants: list[dict[str, Any]]


_person = msgspec.json.Decoder(Person)


async def lease(connection: Connection, owner: UUID, batch: int, seconds: float) -> list[Leased]:
    """Up to `batch` due messages of the most important running campaign that has any."""
    for row in await connection.fetch(_RUNNING):
        rows = await connection.fetch(_LEASE, row["campaign_id"], owner, batch, seconds)
        if rows:
            return [Leased(**{**row, "person": _person.decode(row["person"])}) for row in map(dict, rows)]
    return []


async def frozen(connection: Connection, campaign_id: UUID) -> Frozen:
    """What was frozen at the launch."""
    row = dict(await connection.fetchrow(_CAMPAIGN, campaign_id) or {})
    decoded = {key: msgspec.json.decode(row[key]) if row[key] else None for key in ("content", "offer", "variants")}
    return Frozen(**{**row, **decoded})


async def against(connection: Connection, send_ids: Sequence[UUID], purpose: str) -> dict[UUID, str]:
    """Messages that may not go any more, with the reason."""
    return {row["send_id"]: row["reason"] for row in await connection.fetch(_AGAINST, send_ids, purpose)}


async def begin(
    connection: Connection,
    send_id: UUID,
    owner: UUID,
    message_id: str,
    subject: str,
    language: str,
    seconds: float,
) -> int | None:
    """Record an attempt; its number, or None when the message may not go (any more)."""
    number: int | None = await connection.fetchval(_BEGIN, send_id, owner, message_id, subject, language, seconds)
    return number


async def settle(
    connection: Connection, send_id: UUID, number: int, settlement: Settlement, outcome: str, detail: str
) -> tuple[bool, datetime | None]:
    """Record how an attempt ended; whether it was still open, and when the message was sent if it was."""
    row = await connection.fetchrow(_SETTLE, send_id, number, settlement.state, settlement.reason, settlement.wait)
    if row is None:
        return False, None
    await connection.execute(_ATTEMPTED, send_id, number, outcome, detail)
    return True, row["sent_at"]


async def close(connection: Connection, send_id: UUID, owner: UUID, state: str, reason: str) -> None:
    """A message that is not sent at all, and why."""
    await connection.execute(_CLOSE, send_id, owner, state, reason)


async def release(connection: Connection, owner: UUID, wait: timedelta = timedelta(0)) -> None:
    """Give back what was leased and not tried."""
    await connection.execute(_RELEASE, owner, wait)


async def hold(connection: Connection, owner: UUID, seconds: float) -> None:
    """Keep what was leased for longer."""
    await connection.execute(_HOLD, owner, seconds)


async def settle_abandoned(connection: Connection) -> None:
    """What a dead worker had leased is due again; what it had begun is `unknown`."""
    await connection.execute(_ABANDONED)


async def finish_campaigns(connection: Connection) -> None:
    """Campaigns whose messages are settled and whose window is over are finished."""
    await connection.execute(_FINISH)


async def give_back(connection: Connection, send_id: UUID, owner: UUID) -> None:
    """One message that was leased and not tried."""
    await connection.execute(_GIVE_BACK, send_id, owner)
