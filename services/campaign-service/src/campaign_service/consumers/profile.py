"""The profile feed: which profile an identity belongs to now, consent given again, people not to be written to."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from fastapi import FastAPI
from rapport.database import Connection
from rapport.feed import FeedConsumer, ReceivedEvent

_ASSIGN = """
    INSERT INTO identity_map (identity_id, profile_id, seed_profile_id, version)
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[])
    ON CONFLICT (identity_id) DO UPDATE SET profile_id = excluded.profile_id, version = excluded.version,
        seed_profile_id = coalesce(excluded.seed_profile_id, identity_map.seed_profile_id)
    WHERE identity_map.version < excluded.version
"""
_WELCOME = """
    DELETE FROM unsubscribe u USING identity_map m
    WHERE m.profile_id = $1 AND u.identity_id = m.identity_id AND u.channel = $2 AND u.purpose = $3 AND u.at < $4
"""
# Whoever is prepared later is left out by profile-service's own answer.
_RESTRICT = """
    UPDATE send SET state = 'cancelled', reason = 'restricted', person = NULL, owner = NULL, lease_until = NULL,
        updated_at = now()
    WHERE state IN ('pending', 'leased') AND (profile_id = ANY($1) OR identity_id IN (
        SELECT identity_id FROM identity_map WHERE profile_id = ANY($1) OR seed_profile_id = ANY($1)))
"""


class Assignment(msgspec.Struct):
    """An identity and its profile; a higher version is newer."""

    identity_id: UUID
    profile_id: UUID
    version: int
    seed_profile_id: UUID | None = None


class _Assigned(msgspec.Struct):
    assignments: list[Assignment]


class _ConsentChanged(msgspec.Struct):
    profile_id: UUID
    channel: str
    purpose: str
    status: str
    at: datetime


class _Restricted(msgspec.Struct):
    profile_ids: list[UUID]


_assigned = msgspec.json.Decoder(_Assigned)
_consent = msgspec.json.Decoder(_ConsentChanged)
_restricted = msgspec.json.Decoder(_Restricted)


async def apply(connection: Connection, events: Sequence[ReceivedEvent]) -> None:
    """Take over a batch of events."""
    newest: dict[UUID, Assignment] = {}
    for event in events:
        if event.type == "identity.assigned":
            for each in _assigned.decode(event.data).assignments:
                if each.identity_id not in newest or newest[each.identity_id].version < each.version:
                    newest[each.identity_id] = each
    if newest:
        rows = sorted(newest.values(), key=lambda each: each.identity_id)
        await connection.execute(
            _ASSIGN,
            [each.identity_id for each in rows],
            [each.profile_id for each in rows],
            [each.seed_profile_id for each in rows],
            [each.version for each in rows],
        )
    for event in events:
        if event.type == "consent.changed":
            change = _consent.decode(event.data)
            if change.status == "granted":
                await connection.execute(_WELCOME, change.profile_id, change.channel, change.purpose, change.at)
        elif event.type == "privacy.restricted":
            await connection.execute(_RESTRICT, _restricted.decode(event.data).profile_ids)


async def worker(app: FastAPI) -> None:
    """Follows profile-service."""
    await FeedConsumer("profile", app.state.profile_feed, app.state.database, apply).run()
