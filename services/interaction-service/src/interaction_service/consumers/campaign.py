"""Following campaign-service: what was sent to a customer is part of their history."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import msgspec
from fastapi import FastAPI
from rapport.database import Connection
from rapport.feed import FeedConsumer, ReceivedEvent

from interaction_service.ids import new_ids
from interaction_service.touchpoints.intake import Contact, Intake, message_key
from interaction_service.touchpoints.partitions import Partitions
from interaction_service.touchpoints.recording import record

SENT: Final = "message.sent"
SOURCE: Final = "campaign"


class _Sent(msgspec.Struct):
    send_id: UUID
    identity_id: UUID
    channel: str
    sent_at: datetime
    campaign_id: UUID | None = None
    campaign_name: str | None = None
    step: str | int | None = None
    arm: str | None = None
    template: str | None = None
    subject: str | None = None


_sent = msgspec.json.Decoder(_Sent).decode


async def follow_campaigns(app: FastAPI) -> None:
    """Record for ever what was sent."""
    partitions: Partitions = app.state.partitions

    async def apply(connection: Connection, events: Sequence[ReceivedEvent]) -> None:
        await take(connection, partitions, events)

    await FeedConsumer("campaign", app.state.feeds["campaign"], app.state.database, apply).run()


async def take(connection: Connection, partitions: Partitions, events: Sequence[ReceivedEvent]) -> None:
    """Make each message sent an outbound touchpoint, once for each send."""
    sent = [_sent(event.data) for event in events if event.type == SENT]
    if sent:
        now = datetime.now(UTC)
        intakes = [
            _intake(each, touchpoint_id, now) for each, touchpoint_id in zip(sent, new_ids(len(sent)), strict=True)
        ]
        await partitions.ensure(each.touchpoint.occurred_at for each in intakes)
        await record(connection, intakes)


def _intake(sent: _Sent, touchpoint_id: str, now: datetime) -> Intake:
    data = {
        "send_id": sent.send_id,
        "campaign_id": sent.campaign_id,
        "campaign_name": sent.campaign_name,
        "step": sent.step,
        "arm": sent.arm,
        "template": sent.template,
        "subject": sent.subject,
    }
    message_id = str(sent.send_id)
    contact = Contact(
        sent.identity_id,
        "message",
        sent.channel,
        "outbound",
        sent.sent_at,
        now,
        SOURCE,
        data,
        name=sent.campaign_name,
        message_id=message_id,
    )
    return contact.intake(touchpoint_id, message_key(SOURCE, message_id))
