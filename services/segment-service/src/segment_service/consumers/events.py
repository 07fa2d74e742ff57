"""The parts of others' events that this service reads."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec


class Touchpoint(msgspec.Struct):
    """`touchpoint.recorded` of interaction-service; `data` is decoded by whoever reads it."""

    touchpoint_id: str
    identity_id: UUID
    type: str
    occurred_at: datetime
    message_id: str | None = None
    name: str | None = None
    channel: str | None = None
    direction: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"{}")


class TaskDone(msgspec.Struct):
    """`task.completed` of interaction-service: work of people for a customer."""

    identity_id: UUID | None = None
    kind: str = "other"
    occurred_at: datetime | None = None


class ProfileNamed(msgspec.Struct):
    """What events about profiles have in common; `profile_ids` on those that name several."""

    profile_id: UUID | None = None
    profile_ids: list[UUID] = []
    into: list[UUID] = []


class Related(msgspec.Struct):
    """`relationship.added`, `.changed`, `.removed` of profile-service: the first is to the other what `kind` says."""

    relationship_id: UUID
    kind: str
    identity_id: UUID
    other_identity_id: UUID
    since: date | None = None
    until: date | None = None


class AttributeChanged(msgspec.Struct):
    """`attribute.changed` of profile-service."""

    key: str


class Assignment(msgspec.Struct):
    """Which profile an identity belongs to from a version on."""

    identity_id: UUID
    profile_id: UUID
    version: int
    seed_profile_id: UUID | None = None


class Assigned(msgspec.Struct):
    """`identity.assigned` of profile-service."""

    assignments: list[Assignment]


class ConsentChanged(msgspec.Struct):
    """`consent.changed` of profile-service."""

    status: str
    identity_id: UUID | None = None
    profile_id: UUID | None = None
    at: datetime | None = None


touchpoints = msgspec.json.Decoder(Touchpoint)
tasks = msgspec.json.Decoder(TaskDone)
assignments = msgspec.json.Decoder(Assigned)
consents = msgspec.json.Decoder(ConsentChanged)
profiles_named = msgspec.json.Decoder(ProfileNamed)
related = msgspec.json.Decoder(Related)
attributes = msgspec.json.Decoder(AttributeChanged)
announcements = msgspec.json.Decoder(dict[str, Any])
# Sums of money must not pass through binary fractions.
properties = msgspec.json.Decoder(dict[str, Any] | None, float_hook=Decimal)
