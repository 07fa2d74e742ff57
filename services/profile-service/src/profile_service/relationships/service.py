"""Relating profiles to one another, and telling who belongs to whom."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from uuid import UUID

from fastapi import Request
from rapport import feed
from rapport.concurrency import check_if_match
from rapport.database import Connection
from rapport.feed import Event

from profile_service.errors import UnknownProfile
from profile_service.ledger import repository as ledger
from profile_service.ledger.records import IdentityRow
from profile_service.relationships import repository
from profile_service.relationships.errors import (
    HouseholdTooLarge,
    InvalidRelationship,
    RelationshipCycle,
    RelationshipExists,
    UnknownRelationship,
)
from profile_service.relationships.rules import (
    ACYCLIC,
    HOUSEHOLD,
    MAX_HOUSEHOLD,
    MUTUAL,
    Relationship,
    groups,
    stored,
)
from profile_service.relationships.schemas import RelationshipBody, RelationshipPatch

Members = Sequence[IdentityRow]


async def add(connection: Connection, profile_id: UUID, body: RelationshipBody, by: str) -> tuple[UUID, Relationship]:
    """Relate two profiles; the present id of this one, and the relationship.

    It is between the identities that brought the two ids, whatever either is merged with. Raises `UnknownProfile`,
    `InvalidRelationship`, `RelationshipExists`, `RelationshipCycle` or `HouseholdTooLarge`.
    """
    kind, reverse = stored(body.kind)
    await repository.lock(connection, kind)
    found = await ledger.members_of(connection, [profile_id, body.profile_id])
    if profile_id not in found:
        raise UnknownProfile(f"There is no profile {profile_id}.")
    if body.profile_id not in found:
        raise _invalid(f"There is no profile {body.profile_id}.")
    ids = (body.profile_id, profile_id) if reverse else (profile_id, body.profile_id)
    a, b = (next(row for row in found[each] if row.seed_profile_id == each) for each in ids)
    if a.profile_id == b.profile_id:
        raise _invalid("A profile has no relationship to itself.")
    await _check(connection, kind, a.profile_id, b.profile_id)
    details = (body.role, body.note, body.since, body.until)
    added = await repository.add(connection, kind, a.identity_id, b.identity_id, *details, by=by)
    await feed.append(connection, [_event("relationship.added", added)])
    return found[profile_id][0].profile_id, added


async def listed(
    connection: Connection, profile_id: UUID, kind: str | None, before: UUID | None, limit: int, *, removed: bool
) -> tuple[UUID, list[Relationship]]:
    """The present id of a profile, and its relationships, newest first; raises `UnknownProfile`."""
    members = await members_of(connection, profile_id)
    kinds = None if kind is None else [stored(kind)[0]]
    identities = [each.identity_id for each in members]
    return members[0].profile_id, await repository.page(connection, identities, kinds, before, limit, removed=removed)


async def get(
    connection: Connection, profile_id: UUID, relationship_id: UUID, *, hold: bool = False
) -> tuple[UUID, Relationship]:
    """The present id of a profile, and one of its relationships; raises `UnknownProfile` or `UnknownRelationship`."""
    members = await members_of(connection, profile_id)
    identities = [each.identity_id for each in members]
    found = await repository.one(connection, relationship_id, identities, hold=hold)
    if found is None:
        raise UnknownRelationship(f"Profile {profile_id} has no relationship {relationship_id}.")
    return members[0].profile_id, found


async def change(
    connection: Connection, profile_id: UUID, relationship_id: UUID, patch: RelationshipPatch, request: Request
) -> tuple[UUID, Relationship]:
    """A relationship with what is known better of it; raises as `get` does, `Stale` or `InvalidRelationship`."""
    me, before = await get(connection, profile_id, relationship_id, hold=True)
    check_if_match(request, before.version)
    after = replace(before, **patch.model_dump(exclude_unset=True))
    if after.since and after.until and after.until < after.since:
        raise _invalid("It cannot end before it begins: until lies before since.", "/until")
    if after != before:
        await repository.change(connection, after)
        await feed.append(connection, [_event("relationship.changed", after)])
    return me, after


async def remove(connection: Connection, profile_id: UUID, relationship_id: UUID, by: str) -> None:
    """Remove a relationship from either side; raises `UnknownProfile` or `UnknownRelationship`."""
    _, found = await get(connection, profile_id, relationship_id, hold=True)
    await _remove(connection, [found], by)


async def remove_matching(connection: Connection, profile_id: UUID, kind: str, other_id: UUID | None, by: str) -> None:
    """Remove all relationships of a kind, or those with one other profile; raises `UnknownProfile` or
    `UnknownRelationship` when there is none. Who leaves a household leaves the others together."""
    await repository.lock(connection, stored(kind)[0])
    members = await members_of(connection, profile_id)
    me = members[0].profile_id
    other = None if other_id is None else (await members_of(connection, other_id))[0].profile_id
    identities = [each.identity_id for each in members]
    rows = await repository.page(connection, identities, [stored(kind)[0]], None, 10_000, removed=False)
    found = [row for row in rows if _matches(row, me, kind, other)]
    if not found:
        raise UnknownRelationship(f"Profile {profile_id} has no such relationship of the kind {kind}.")
    await _remove(connection, found, by)
    if kind == HOUSEHOLD and other is None:
        today = datetime.now(UTC).date()
        await _keep_together(connection, me, [row for row in found if row.holds(today)], by)


async def household(connection: Connection, profiles: Collection[UUID]) -> dict[UUID, frozenset[UUID]]:
    """Everybody who shares a household today, by each member, for the households of some profiles."""
    pairs: set[tuple[UUID, UUID]] = set()
    seen: set[UUID] = set()
    new = set(profiles)
    while new:
        seen |= new
        pairs.update(await repository.households(connection, new))
        new = {each for pair in pairs for each in pair} - seen
    return groups(pairs)


async def members_of(connection: Connection, profile_id: UUID) -> Members:
    """Identities of the profile; raises `UnknownProfile`."""
    members = (await ledger.members_of(connection, [profile_id])).get(profile_id)
    if not members:
        raise UnknownProfile(f"There is no profile {profile_id}.")
    return members


async def _check(connection: Connection, kind: str, a: UUID, b: UUID) -> None:
    near = await repository.up(connection, kind, [a, b])
    for each in near:
        ends = (each.a_profile, each.b_profile)
        if ends == (a, b) or (kind in MUTUAL and ends == (b, a)):
            known = str(each.relationship_id)
            raise RelationshipExists(f"Relationship {known} says so.", relationship_id=known)
    if kind in ACYCLIC and await _leads_to(connection, kind, b, a):
        raise RelationshipCycle(f"By {kind}, profile {b} comes after profile {a} already.")
    if kind == HOUSEHOLD:
        homes = await household(connection, [a, b])
        if len(homes.get(a, {a}) | homes.get(b, {b})) > MAX_HOUSEHOLD:
            raise HouseholdTooLarge(f"A household has at most {MAX_HOUSEHOLD} members.")


async def _leads_to(connection: Connection, kind: str, start: UUID, end: UUID) -> bool:
    """Whether a chain of this kind leads from one profile to another; merges may have made cycles in it."""
    seen: set[UUID] = set()
    new = {start}
    while new and end not in new:
        seen |= new
        new = {each.b_profile for each in await repository.up(connection, kind, new)} - seen
    return end in new


async def _remove(connection: Connection, found: Sequence[Relationship], by: str) -> None:
    await repository.remove(connection, [each.relationship_id for each in found], by)
    await feed.append(connection, [_event("relationship.removed", each) for each in found])


async def _keep_together(connection: Connection, gone: UUID, removed: Sequence[Relationship], by: str) -> None:
    """Join anew those of a household whom only the one who left held together."""
    ends = {row.a_profile: row.a for row in removed} | {row.b_profile: row.b for row in removed}
    ends.pop(gone, None)
    events = []
    for one, other in pairwise(sorted(ends)):
        homes = await household(connection, [one])
        if other not in homes.get(one, ()):
            events.append(
                _event("relationship.added", await repository.add(connection, HOUSEHOLD, ends[one], ends[other], by=by))
            )
    await feed.append(connection, events)


def _matches(row: Relationship, me: UUID, kind: str, other: UUID | None) -> bool:
    seen = row.seen_from(me)
    as_said = seen.kind == kind or (row.a_profile == row.b_profile and stored(kind)[0] == row.kind)
    return as_said and (other is None or seen.profile_id == other)


def _event(name: str, row: Relationship) -> Event:
    data = {
        "relationship_id": str(row.relationship_id),
        "kind": row.kind,
        "profile_id": str(row.a_profile),
        "identity_id": str(row.a),
        "other_profile_id": str(row.b_profile),
        "other_identity_id": str(row.b),
        "role": row.role,
        "since": row.since,
        "until": row.until,
    }
    return Event(type=name, time=datetime.now(UTC), subject=str(row.a_profile), data=data)


def _invalid(detail: str, pointer: str = "/profile_id") -> InvalidRelationship:
    return InvalidRelationship(detail, errors=[{"pointer": pointer, "detail": detail}])
