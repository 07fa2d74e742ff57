"""SQL of the conversations."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec
from rapport.database import Connection

from interaction_service.conversations.rules import MESSAGES_SHOWN, Said, summary

_VIEW = f"""
    SELECT conversation_id, identity_id, topic, state, opened_at, closed_at, last_channel, last_message_at,
           summary, version,
           (SELECT coalesce(json_agg(said ORDER BY said.occurred_at, said.message_id), '[]') FROM (
                SELECT message_id, direction, channel, author, text, occurred_at FROM conversation_message
                WHERE conversation_message.conversation_id = conversation.conversation_id
                ORDER BY occurred_at DESC, message_id DESC LIMIT {MESSAGES_SHOWN}
           ) AS said) AS messages
    FROM conversation
"""
_ONE = f"{_VIEW} WHERE conversation_id = $1"
_ONE_LOCKED = f"{_ONE} FOR UPDATE"
_OPEN = f"""{_VIEW}
    WHERE identity_id = ANY($1) AND state = 'open'
    ORDER BY last_message_at DESC, conversation_id DESC LIMIT 20
"""
# The map may have learnt better since: what lies with somebody else is no longer this customer's.
_OPEN_FOR = f"""{_VIEW}
    WHERE known_by && $1::uuid[] AND state = 'open' AND NOT EXISTS (
        SELECT FROM identity_map
        WHERE identity_map.identity_id = conversation.identity_id AND profile_id <> ALL($1::uuid[])
    )
    ORDER BY last_message_at DESC, conversation_id DESC LIMIT 20
"""
_STILL_OPEN = "SELECT true FROM conversation WHERE conversation_id = $1 AND state = 'open' FOR UPDATE"
_NEWEST_CLOSED = f"""{_VIEW}
    WHERE identity_id = ANY($1) AND state = 'closed'
    ORDER BY last_message_at DESC, conversation_id DESC LIMIT 1
"""
_OF = f"""{_VIEW}
    WHERE identity_id = ANY($1)
      AND ($2::timestamptz IS NULL OR (last_message_at, conversation_id) < ($2, $3::uuid))
    ORDER BY last_message_at DESC, conversation_id DESC LIMIT $4
"""
_INSERT = """
    INSERT INTO conversation (conversation_id, identity_id, topic, opened_at, last_channel, last_message_at, known_by)
    VALUES ($1, $2, $3, $4, $5, $4, $6)
"""
_TOUCH = """
    UPDATE conversation
    SET last_channel = CASE WHEN $3 >= last_message_at THEN $2 ELSE last_channel END,
        last_message_at = greatest(last_message_at, $3), version = version + 1
    WHERE conversation_id = $1
"""
_UPDATE = """
    UPDATE conversation SET topic = $2, state = $3, summary = $4, closed_at = $5, version = version + 1
    WHERE conversation_id = $1
"""
_SAY = """
    INSERT INTO conversation_message
        (message_id, conversation_id, touchpoint_id, direction, channel, author, text, occurred_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
# In order, so that no two callers wait for each other.
_LOCK = """
    SELECT pg_advisory_xact_lock(key)
    FROM (SELECT DISTINCT hashtextextended(id::text, 8004) AS key FROM unnest($1::uuid[]) AS id ORDER BY key) AS keys
"""

_said = msgspec.json.Decoder(list[Said]).decode


class Stored(msgspec.Struct):
    """A conversation with its last messages, oldest first."""

    conversation_id: UUID
    identity_id: UUID
    topic: str | None
    state: str
    opened_at: datetime
    closed_at: datetime | None
    last_channel: str
    last_message_at: datetime
    summary: str | None
    version: int
    messages: list[Said]

    def summarised(self) -> "Stored":
        """The same, with a summary by rule if nobody wrote one."""
        return msgspec.structs.replace(self, summary=self.summary or summary(self.messages))


def _stored(row: asyncpg.Record) -> Stored:
    return Stored(**{**row, "messages": _said(row["messages"])})


async def one_at_a_time(connection: Connection, known_by: Sequence[UUID]) -> None:
    """Let the transactions that open conversations of one customer, by any of these ids, take turns."""
    await connection.execute(_LOCK, known_by)


async def get(connection: Connection, conversation_id: UUID, *, lock: bool = False) -> Stored | None:
    """A conversation, kept from other writers until the transaction ends if `lock`."""
    row = await connection.fetchrow(_ONE_LOCKED if lock else _ONE, conversation_id)
    return _stored(row) if row else None


async def open_ones(connection: Connection, identities: Sequence[UUID]) -> list[Stored]:
    """A customer's open conversations, the most recent first."""
    return [_stored(row) for row in await connection.fetch(_OPEN, identities)]


async def open_for(connection: Connection, known_by: Sequence[UUID]) -> list[Stored]:
    """Open conversations that were opened for a customer known by any of these ids, the most recent first."""
    return [_stored(row) for row in await connection.fetch(_OPEN_FOR, known_by)]


async def still_open(connection: Connection, conversation_id: UUID) -> bool:
    """Whether a conversation is open, and then kept so until the transaction ends."""
    return bool(await connection.fetchval(_STILL_OPEN, conversation_id))


async def newest_closed(connection: Connection, identities: Sequence[UUID]) -> Stored | None:
    """A customer's closed conversation that was last spoken in."""
    row = await connection.fetchrow(_NEWEST_CLOSED, identities)
    return _stored(row) if row else None


async def page(
    connection: Connection, identities: Sequence[UUID], before: tuple[datetime, UUID] | None, limit: int
) -> list[Stored]:
    """A customer's conversations, the most recent first, after a position."""
    at, conversation_id = before or (None, None)
    return [_stored(row) for row in await connection.fetch(_OF, identities, at, conversation_id, limit)]


async def insert(
    connection: Connection,
    conversation_id: UUID,
    identity_id: UUID,
    topic: str | None,
    at: datetime,
    channel: str,
    known_by: Sequence[UUID],
) -> None:
    """Open a conversation."""
    await connection.execute(_INSERT, conversation_id, identity_id, topic, at, channel, known_by)


async def touch(connection: Connection, conversation_id: UUID, channel: str, at: datetime) -> None:
    """Note a contact in a conversation."""
    await connection.execute(_TOUCH, conversation_id, channel, at)


async def update(
    connection: Connection,
    conversation_id: UUID,
    topic: str | None,
    state: str,
    written_summary: str | None,
    closed_at: datetime | None,
) -> None:
    """Store what a person changed."""
    await connection.execute(_UPDATE, conversation_id, topic, state, written_summary, closed_at)


async def say(connection: Connection, conversation_id: UUID, touchpoint_id: UUID, message: Said) -> None:
    """Store a message."""
    await connection.execute(
        _SAY,
        message.message_id,
        conversation_id,
        touchpoint_id,
        message.direction,
        message.channel,
        message.author,
        message.text,
        message.occurred_at,
    )
