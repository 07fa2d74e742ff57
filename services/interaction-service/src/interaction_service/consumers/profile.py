"""Following profile-service: which identity belongs to which profile."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec
from fastapi import FastAPI
from rapport.database import Connection
from rapport.feed import FeedConsumer, ReceivedEvent

from interaction_service.identities.repository import Assignment, apply

ASSIGNED: Final = "identity.assigned"


class _Assignment(msgspec.Struct):
    identity_id: UUID
    kind: str
    profile_id: UUID
    seed_profile_id: UUID
    version: int


class _Assigned(msgspec.Struct):
    assignments: list[_Assignment]


_assigned = msgspec.json.Decoder(_Assigned).decode


async def follow_profiles(app: FastAPI) -> None:
    """Keep the identity map for ever."""
    await FeedConsumer("profile", app.state.feeds["profile"], app.state.database, take).run()


async def take(connection: Connection, events: Sequence[ReceivedEvent]) -> None:
    """Apply the newest assignment of each identity in a batch."""
    newest: dict[UUID, Assignment] = {}
    for event in events:
        if event.type == ASSIGNED:
            for each in _assigned(event.data).assignments:
                known = newest.get(each.identity_id)
                if known is None or each.version > known.version:
                    newest[each.identity_id] = Assignment(
                        each.identity_id, each.kind, each.profile_id, each.seed_profile_id, each.version
                    )
    await apply(connection, sorted(newest.values()))
