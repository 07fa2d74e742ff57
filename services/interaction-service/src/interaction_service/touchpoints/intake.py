"""A touchpoint on its way in, as every source of touchpoints hands it over."""

import hashlib
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from asyncpg.pgproto import pgproto
from rapport.identity import Identifier


class Recorded(msgspec.Struct, gc=False):
    """What the feed says about a touchpoint; `identifiers` are all that were seen with it, strongest first."""

    touchpoint_id: str
    identity_id: UUID
    identifiers: list[Identifier]
    message_id: str | None
    type: str
    name: str | None
    channel: str
    direction: str
    occurred_at: datetime
    received_at: datetime
    source: str
    data: msgspec.Raw


class Intake(NamedTuple):
    """A touchpoint to be stored; one whose `key` was taken before is the same contact told again."""

    touchpoint: Recorded
    key: UUID | None = None
    context: str | None = None


def message_key(scope: str, message_id: str) -> UUID:
    """128 bits for a message id within `scope`: two sources that number their messages alike do not collide."""
    digest = hashlib.blake2b(f"{scope}\n{message_id}".encode(), digest_size=16).digest()
    made: UUID = pgproto.UUID(digest)
    return made


class Contact(NamedTuple):
    """A touchpoint that this service makes itself, or was told of singly."""

    identity_id: UUID
    type: str
    channel: str
    direction: str
    occurred_at: datetime
    received_at: datetime
    source: str
    data: dict[str, Any]
    identifiers: list[Identifier] = []
    name: str | None = None
    message_id: str | None = None

    def intake(self, touchpoint_id: str, key: UUID | None = None) -> Intake:
        """The same, ready to be stored under an id."""
        recorded = Recorded(
            touchpoint_id,
            self.identity_id,
            self.identifiers,
            self.message_id,
            self.type,
            self.name,
            self.channel,
            self.direction,
            self.occurred_at.astimezone(UTC),
            self.received_at,
            self.source,
            msgspec.Raw(msgspec.json.encode(self.data)),
        )
        return Intake(recorded, key)
