"""Following profile-service: who is one customer, who consented, whom to read anew, who belongs to whom."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from rapport.database import Connection
from rapport.feed import ReceivedEvent

from segment_service.columns import changes as columns
from segment_service.columns.parts import IDENTITIES, TWINS
from segment_service.consumers import repository
from segment_service.consumers.events import (
    Assignment,
    Related,
    assignments,
    attributes,
    consents,
    profiles_named,
    related,
)
from segment_service.people import repository as people
from segment_service.purchases.repository import have_twins
from segment_service.relationships import repository as relationships
from segment_service.standing.changes import change
from segment_service.standing.repository import Rules, next_version, owners, profiles_of, take_turn
from segment_service.unevaluated.repository import IDENTITIES as MAP
from segment_service.unevaluated.repository import RELATIONSHIP

# Events after which a profile is read again, whatever they say: only profile-service knows what counts.
_READ_AFTER: Final = frozenset(
    {
        "profile.created",
        "profile.updated",
        "profile.merged",
        "profile.split",
        "consent.changed",
        "privacy.restricted",
        "privacy.restriction_lifted",
    }
)
_RELATED: Final = frozenset({"relationship.added", "relationship.changed"})
_UNRELATED: Final = "relationship.removed"
_HANDLED: Final = _READ_AFTER | _RELATED | {_UNRELATED, "identity.assigned", "attribute.changed"}


async def apply(connection: Connection, events: Sequence[ReceivedEvent], rules: Rules) -> None:
    """Take a batch in: the map moved on, consents kept, the profiles on either side computed and read anew."""
    events = [event for event in events if event.type in _HANDLED]
    if not events:
        return
    await take_turn(connection)
    version = await next_version(connection)
    newest = _newest(events)
    moved = await repository.assign(connection, newest) if newest else set()
    await columns.log(connection, "identity", [each.identity_id for each in newest], version)
    given = await _consents(connection, [event for event in events if event.type == "consent.changed"])
    newly = await repository.add_consents(connection, given) if given else set()
    causes = {profile: {MAP} for profile in moved}
    bound = await _relate(connection, events, version)
    for profile in bound:
        causes.setdefault(profile, set()).add(RELATIONSHIP)
    await people.mark_unread(connection, moved | _named(events), version)
    for key in {attributes.decode(event.data).key for event in events if event.type == "attribute.changed"}:
        await people.mark_holders_unread(connection, key, version)
    parts = {IDENTITIES} if moved or newly else set()
    if await have_twins(connection, [each.identity_id for each in newest]):
        parts.add(TWINS)
    await change(
        connection,
        # Who referred whom is followed by those who were computed anew.
        moved.union(bound, await profiles_of(connection, sorted(newly))),
        rules,
        parts,
        causes=causes,
        version=version,
    )


def _newest(events: Sequence[ReceivedEvent]) -> list[Assignment]:
    newest: dict[UUID, Assignment] = {}
    for event in events:
        if event.type == "identity.assigned":
            for each in assignments.decode(event.data).assignments:
                known = newest.get(each.identity_id)
                if known is None or known.version < each.version:
                    newest[each.identity_id] = each
    return [newest[identity] for identity in sorted(newest)]


def _named(events: Iterable[ReceivedEvent]) -> set[UUID]:
    found: set[UUID] = set()
    for event in events:
        if event.type in _READ_AFTER:
            named = profiles_named.decode(event.data)
            found.update(named.profile_ids, named.into, () if named.profile_id is None else (named.profile_id,))
    return found


async def _relate(connection: Connection, events: Iterable[ReceivedEvent], version: int) -> set[UUID]:
    """Keep what was said last of each relationship; the profiles on either side."""
    last: dict[UUID, tuple[str, Related]] = {}
    for event in events:
        if event.type in _RELATED or event.type == _UNRELATED:
            said = related.decode(event.data)
            last[said.relationship_id] = event.type, said
    if not last:
        return set()
    await relationships.keep(connection, [said for name, said in last.values() if name in _RELATED])
    await relationships.drop(connection, [each for each, (name, _) in last.items() if name == _UNRELATED])
    await columns.log(connection, "related", last.keys(), version)
    ends = {identity for _, said in last.values() for identity in (said.identity_id, said.other_identity_id)}
    return set((await owners(connection, sorted(ends))).values())


async def _consents(connection: Connection, events: Sequence[ReceivedEvent]) -> dict[UUID, datetime]:
    given: dict[UUID, datetime] = {}
    for event in events:
        consent = consents.decode(event.data)
        if consent.status != "granted":
            continue
        identity = consent.identity_id
        if identity is None and consent.profile_id is not None:
            identity = await repository.identity_of(connection, consent.profile_id)
        if identity is not None:
            at = consent.at or event.time
            given[identity] = min(at, given.get(identity, at))
    return dict(sorted(given.items()))
