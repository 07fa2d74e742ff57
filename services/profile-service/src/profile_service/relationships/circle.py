"""The people around a customer with their families, and the chain of referrals."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from rapport.database import Connection

from profile_service.profiles.rules import Profile
from profile_service.profiles.service import read_many
from profile_service.relationships import repository
from profile_service.relationships.rules import (
    FAMILY,
    HOUSEHOLD,
    REFERRALS,
    REFERRED_BY,
    Relationship,
    Seen,
    people_first,
)
from profile_service.relationships.service import household, members_of

MAX_AROUND: Final = 10_000
MAX_CHAIN: Final = 10_000

Ways = dict[UUID, list[tuple[Seen, Relationship | None]]]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody around a customer: in which ways, and in which ways their family is related to them."""

    profile_id: UUID
    ways: Sequence[tuple[Seen, Relationship | None]]
    family: Ways


@dataclass(frozen=True, slots=True)
class Step:
    """Somebody in a chain, by way of whom, and how far from its beginning."""

    profile_id: UUID
    through: UUID
    depth: int
    relationship: Relationship


async def people(
    connection: Connection, profile_id: UUID, start: int, limit: int
) -> tuple[list[Person], dict[UUID, Profile]]:
    """The people of a firm, key contacts first, or around a person, each with their family; and everybody's profile.

    Referrals are no people of one's own. Raises `UnknownProfile`.
    """
    me = (await members_of(connection, profile_id))[0].profile_id
    ways = (await _ways(connection, [me])).get(me, {})
    near = {other: [way for way in each if way[0].kind not in REFERRALS] for other, each in ways.items()}
    ranked = sorted((other for other, each in near.items() if each), key=lambda other: _rank(other, near))
    shown = ranked[start : start + limit]
    beyond = await _ways(connection, shown)
    found = [
        Person(
            other,
            near[other],
            {
                relative: kin
                for relative, each in beyond.get(other, {}).items()
                if relative != me and (kin := [way for way in each if way[0].kind in FAMILY])
            },
        )
        for other in shown
    ]
    everybody = {*shown, *(relative for person in found for relative in person.family)}
    return found, await read_many(connection, everybody)


async def chain(connection: Connection, profile_id: UUID, depth: int, *, upwards: bool) -> list[Step]:
    """Whom a customer brought, whom those brought, and so on, or `upwards` who brought whom; nearest first, each once.

    Raises `UnknownProfile`.
    """
    start = (await members_of(connection, profile_id))[0].profile_id
    look = repository.up if upwards else repository.down
    steps: list[Step] = []
    seen = new = {start}
    for distance in range(1, depth + 1):
        found: dict[UUID, Step] = {}
        for row in await look(connection, REFERRED_BY, new):
            far, near = (row.b_profile, row.a_profile) if upwards else (row.a_profile, row.b_profile)
            if far not in seen:
                found.setdefault(far, Step(far, near, distance, row))
        steps += found.values()
        new = set(found)
        seen = seen | new
        if not new or len(steps) >= MAX_CHAIN:
            break
    return steps[:MAX_CHAIN]


async def _ways(connection: Connection, profiles: Collection[UUID]) -> dict[UUID, Ways]:
    """For each profile who is related to it today, and in which ways; those of one household to all in it."""
    found: dict[UUID, Ways] = {each: {} for each in profiles}
    today = datetime.now(UTC).date()
    for row in await repository.around(connection, profiles, MAX_AROUND):
        if row.a_profile == row.b_profile or not row.holds(today):
            continue
        for end in {row.a_profile, row.b_profile} & found.keys():
            seen = row.seen_from(end)
            found[end].setdefault(seen.profile_id, []).append((seen, row))
    homes = await household(connection, profiles)
    for end, ways in found.items():
        for other in sorted(homes.get(end, frozenset()) - {end}):
            if all(seen.kind != HOUSEHOLD for seen, _ in ways.get(other, ())):
                ways.setdefault(other, []).append((Seen(HOUSEHOLD, "mutual", other), None))
    return found


def _rank(other: UUID, ways: Ways) -> tuple[int, UUID]:
    kinds: Iterable[str] = (seen.kind for seen, _ in ways[other])
    return people_first(kinds), other
