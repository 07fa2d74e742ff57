"""Conversations: reading, amending, adding to them, opening them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from fastapi import Request
from rapport.concurrency import check_if_match
from rapport.database import Connection
from rapport.feed import Event, append
from rapport.pagination import decode_cursor, encode_cursor

from interaction_service.conversations import repository
from interaction_service.conversations.errors import ConversationClosed, UnknownConversation
from interaction_service.conversations.repository import Stored
from interaction_service.conversations.rules import Said
from interaction_service.conversations.schemas import ConversationPatch, NewMessage
from interaction_service.ids import new_id
from interaction_service.touchpoints.intake import Contact
from interaction_service.touchpoints.partitions import Partitions
from interaction_service.touchpoints.recording import record

SOURCE = "conversation"


async def listed(
    connection: Connection, identities: Sequence[UUID], limit: int, cursor: str | None
) -> tuple[list[Stored], str | None]:
    """A page of a customer's conversations, the most recent first, and the cursor of the next."""
    before = decode_cursor(cursor, tuple[datetime, UUID]) if cursor else None
    found = await repository.page(connection, identities, before, limit + 1)
    more = found[limit - 1] if len(found) > limit else None
    following = encode_cursor(more.last_message_at, more.conversation_id) if more else None
    return [each.summarised() for each in found[:limit]], following


async def read(connection: Connection, conversation_id: UUID, *, lock: bool = False) -> Stored:
    """A conversation; raises `UnknownConversation`."""
    found = await repository.get(connection, conversation_id, lock=lock)
    if found is None:
        raise UnknownConversation(f"No conversation has the id {conversation_id}.")
    return found


async def amend(connection: Connection, request: Request, conversation_id: UUID, patch: ConversationPatch) -> Stored:
    """Change topic, state or summary; raises `UnknownConversation` or `Stale`."""
    before = await read(connection, conversation_id, lock=True)
    check_if_match(request, before.version)
    given = patch.model_fields_set
    topic = patch.topic if "topic" in given else before.topic
    summary = patch.summary if "summary" in given else before.summary
    state = patch.state if "state" in given else before.state
    if (topic, summary, state) == (before.topic, before.summary, before.state):
        return before.summarised()
    now = datetime.now(UTC)
    closed_at = None if state == "open" else before.closed_at or now
    await repository.update(connection, conversation_id, topic, state, summary, closed_at)
    if state != before.state:
        kind = "conversation.closed" if state == "closed" else "conversation.opened"
        await append(connection, [_event(kind, now, before.identity_id, conversation_id, {"topic": topic})])
    return (await read(connection, conversation_id)).summarised()


async def add_message(connection: Connection, partitions: Partitions, conversation_id: UUID, new: NewMessage) -> Said:
    """Add what was said, which is a touchpoint too; raises `UnknownConversation` or `ConversationClosed`."""
    conversation = await read(connection, conversation_id, lock=True)
    if conversation.state == "closed":
        raise ConversationClosed("Reopen it with PATCH {'state': 'open'}, or send the contact to POST /v1/engagements.")
    now = datetime.now(UTC)
    channel, at = new.channel or conversation.last_channel, new.occurred_at or now
    said = Said(UUID(new_id()), new.direction, channel, new.author, new.text, at)
    contact = Contact(
        conversation.identity_id,
        "message",
        channel,
        new.direction,
        at,
        now,
        SOURCE,
        {"conversation_id": conversation_id, "message_id": said.message_id, "author": new.author, "text": new.text},
    )
    touchpoint_id = new_id()
    await partitions.ensure([at.astimezone(UTC)])
    await record(connection, [contact.intake(touchpoint_id)])
    await repository.touch(connection, conversation_id, channel, at)
    await store_message(connection, conversation.identity_id, conversation_id, UUID(touchpoint_id), said)
    return said


async def open_new(
    connection: Connection, identity_id: UUID, topic: str | None, at: datetime, channel: str, known_by: Sequence[UUID]
) -> Stored:
    """Open a conversation under the identity that the customer came with, to be found by what they are known by."""
    conversation_id = UUID(new_id())
    await repository.insert(connection, conversation_id, identity_id, topic, at, channel, known_by)
    opened = {"topic": topic, "channel": channel, "opened_at": at}
    await append(connection, [_event("conversation.opened", at, identity_id, conversation_id, opened)])
    return Stored(conversation_id, identity_id, topic, "open", at, None, channel, at, None, 1, [])


async def store_message(
    connection: Connection, identity_id: UUID, conversation_id: UUID, touchpoint_id: UUID, said: Said
) -> None:
    """Store and announce a message whose touchpoint is stored already."""
    await repository.say(connection, conversation_id, touchpoint_id, said)
    told = {
        "message_id": said.message_id,
        "direction": said.direction,
        "channel": said.channel,
        "occurred_at": said.occurred_at,
    }
    await append(connection, [_event("conversation.message", said.occurred_at, identity_id, conversation_id, told)])


def _event(kind: str, at: datetime, identity_id: UUID, conversation_id: UUID, data: dict[str, Any]) -> Event:
    return Event(
        kind,
        at,
        {"conversation_id": conversation_id, "identity_id": identity_id, **data},
        str(conversation_id),
    )
