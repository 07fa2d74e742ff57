"""Following campaign-service: who unsubscribed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from rapport.database import Connection
from rapport.feed import ReceivedEvent

from profile_service.consents.rules import Entry
from profile_service.consents.service import note
from profile_service.ledger import repository as ledger
from profile_service.ledger.records import Plan, Sighting
from profile_service.ledger.service import record
from profile_service.policy import Policy

WITHDRAWN: Final = "consent.withdrawn"


class Withdrawn(msgspec.Struct):
    """Somebody took back a consent; `value` is normalised."""

    identity_id: UUID
    kind: str
    value: str
    channel: str
    purpose: str
    source: str
    at: datetime
    proof: str | None = None


_withdrawn = msgspec.json.Decoder(Withdrawn).decode


async def apply(connection: Connection, policy: Policy, events: Sequence[ReceivedEvent]) -> None:
    """Take a batch of events: consent is withdrawn for the identity that was written to."""
    said = [_withdrawn(event.data) for event in events if event.type == WITHDRAWN]
    if not said:
        return
    known = await ledger.first_seen_of(connection, {each.identity_id for each in said})
    new = [Sighting(each.identity_id, each.kind, each.value, each.at) for each in said if each.identity_id not in known]
    if new:
        await record(connection, policy.guards, new, lambda _: Plan())
    await note(
        connection,
        [
            Entry(
                each.identity_id,
                each.channel,
                each.purpose,
                "withdrawn",
                None,
                each.source,
                each.proof,
                each.at,
                each.at,
            )
            for each in said
        ],
    )
