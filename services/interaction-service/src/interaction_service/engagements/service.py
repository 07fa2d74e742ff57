"""The main job: a contact on any channel continues all earlier ones, in one answer."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from rapport.database import Connection
from rapport.errors import Invalid

from interaction_service.conversations import repository as conversation_store
from interaction_service.conversations.repository import Stored
from interaction_service.conversations.rules import MESSAGES_SHOWN, Said, continued
from interaction_service.conversations.service import open_new, store_message
from interaction_service.engagements.answer import Conversed, written
from interaction_service.engagements.schemas import NewEngagement
from interaction_service.engagements.surroundings import Arrival, Surroundings, mapped
from interaction_service.history import repository as history
from interaction_service.ids import new_id
from interaction_service.settings import InteractionSettings
from interaction_service.touchpoints.intake import Contact
from interaction_service.touchpoints.partitions import Partitions
from interaction_service.touchpoints.recording import record

SOURCE = "engagement"
RECENT = 10
FUTURE = timedelta(days=1)


class NotYet(Invalid):
    """A contact is something that happened."""

    name, title = "not-yet", "A contact cannot lie in the future"


class Meeting(NamedTuple):
    """One contact with its ids and times."""

    engagement_id: str
    at: datetime
    now: datetime


async def engage(
    connection: Connection, partitions: Partitions, settings: InteractionSettings, arrival: Arrival, *, personal: bool
) -> bytes:
    """Record a contact and answer with all that was known before it; raises `NotYet`."""
    new, around = arrival
    now = datetime.now(UTC)
    meeting = Meeting(new_id(), (new.occurred_at or now).astimezone(UTC), now)
    if meeting.at > now + FUTURE:
        detail = "occurred_at is more than a day ahead."
        raise NotYet(detail, errors=[{"pointer": "/occurred_at", "detail": detail}])
    await partitions.ensure([meeting.at])
    # First messages of one customer that come side by side make one conversation.
    await conversation_store.one_at_a_time(connection, around.who.known_by)
    past = await _past(connection, settings, around)
    conversation, resumed = await _conversation(connection, new, around, meeting)
    said = await _store(connection, new, around, meeting, conversation)
    if resumed:
        await conversation_store.touch(connection, conversation.conversation_id, new.channel, meeting.at)
    conversed = Conversed(_with(conversation, said), resumed)
    return written(meeting.engagement_id, around, conversed, past, personal=personal)


async def context(
    connection: Connection, settings: InteractionSettings, around: Surroundings, *, personal: bool
) -> bytes:
    """What an engagement would answer, without opening or recording anything."""
    past = await _past(connection, settings, around)
    open_ones = await conversation_store.open_ones(connection, around.who.identities)
    found = open_ones[0] if open_ones else None
    if found is None:
        found = await conversation_store.newest_closed(connection, around.who.identities)
    conversed = Conversed(found, bool(open_ones)) if found else None
    return written(None, around, conversed, past, personal=personal)


async def _past(connection: Connection, settings: InteractionSettings, around: Surroundings) -> history.Overview:
    exact = settings.exact_history
    return await history.overview(connection, around.who.identities, exact, exact * 2, RECENT)


async def _conversation(
    connection: Connection, new: NewEngagement, around: Surroundings, meeting: Meeting
) -> tuple[Stored, bool]:
    # Somebody may close the chosen one at this moment; whoever writes in a closed one is heard by nobody.
    while found := await _continued(connection, new, around):
        if await conversation_store.still_open(connection, found.conversation_id):
            return found, True
    who = around.who
    return await open_new(connection, who.anchor, new.topic, meeting.at, new.channel, who.known_by), False


async def _continued(connection: Connection, new: NewEngagement, around: Surroundings) -> Stored | None:
    who = around.who
    found = continued(await conversation_store.open_ones(connection, who.identities), new.topic)
    # Of a customer who came under another identifier a moment ago that identity may not have been known yet.
    found = found or continued(await conversation_store.open_for(connection, who.known_by), new.topic)
    if found is None and who.profile_id is None:
        # Nor anything of a customer whom the map has learnt of since.
        now = await mapped(connection, around.identifiers)
        found = continued(await conversation_store.open_ones(connection, now.identities), new.topic)
    return found


async def _store(
    connection: Connection, new: NewEngagement, around: Surroundings, meeting: Meeting, conversation: Stored
) -> Said | None:
    data: dict[str, Any] = {"conversation_id": conversation.conversation_id, "topic": conversation.topic}
    said = None
    if new.message is not None:
        text, author = new.message.text, new.message.author
        said = Said(UUID(new_id()), new.direction, new.channel, author, text, meeting.at)
        data |= {"message_id": said.message_id, "author": author, "text": text}
    contact = Contact(
        around.who.anchor,
        "engagement",
        new.channel,
        new.direction,
        meeting.at,
        meeting.now,
        SOURCE,
        data,
        around.identifiers,
    )
    await record(connection, [contact.intake(meeting.engagement_id)])
    if said is not None:
        await store_message(
            connection, conversation.identity_id, conversation.conversation_id, UUID(meeting.engagement_id), said
        )
    return said


def _with(conversation: Stored, said: Said | None) -> Stored:
    """The conversation with what was just said in its place among the last messages."""
    if said is None:
        return conversation
    messages = sorted([*conversation.messages, said], key=lambda each: (each.occurred_at, each.message_id))
    return msgspec.structs.replace(conversation, messages=messages[-MESSAGES_SHOWN:])
