"""A batch of people taken in, together with how far the file has been read: both are committed, or neither."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import asyncpg
import msgspec
from rapport import feed
from rapport.database import Connection, Database
from rapport.identity import identity_id

from profile_service.facts import repository as facts
from profile_service.facts.repository import NewFact
from profile_service.facts.service import told
from profile_service.imports import repository
from profile_service.imports.preparing import Batch
from profile_service.imports.rules import Identity, weight
from profile_service.jobs.worker import RunningJob
from profile_service.ledger import repository as ledger
from profile_service.ledger.records import PROFILE, Evidence, Plan, Sighting
from profile_service.ledger.service import record
from profile_service.ledger.strangers import Stranger, Strangers, add, new_ids, once, spoken_for

LINK: Final = "import"
CONFIDENCE: Final = 0.8
_TRIES: Final = 5


class _Overtaken(Exception):
    """Somebody else met an identity between the first look and the lock."""


@dataclass(frozen=True, slots=True)
class List:
    """What the rows of a list have in common; `keys` name the values of a batch."""

    import_id: UUID
    source: str
    expires_at: datetime | None
    seen_at: datetime
    keys: Sequence[str]
    strangers: Strangers


@dataclass(slots=True)
class _Sorted:
    """Places in a batch: people nobody knows, people known as they are, people for the ledger to decide about."""

    strangers: list[int]
    steady: list[int]
    rest: list[int]


async def take(database: Database, job: RunningJob, listed: List, batch: Batch, total: int | None) -> None:
    """Take a batch in. Where others work on the same people at the same moment it begins again."""
    for left in reversed(range(_TRIES)):
        try:
            async with database.transaction() as connection:
                await _take(connection, listed, batch, careful=left < _TRIES - 2)
                await job.advance(connection, batch.last, total, {"row": batch.last})
        except (_Overtaken, asyncpg.DeadlockDetectedError, asyncpg.UniqueViolationError):
            if not left:
                raise
        else:
            return


async def _take(connection: Connection, listed: List, batch: Batch, *, careful: bool) -> None:
    people = [_sightings(listed, number, each) for number, each in zip(batch.numbers, batch.identities, strict=True)]
    stars = [_star(listed, number, sightings) for number, sightings in zip(batch.numbers, people, strict=True)]
    known = await repository.known(connection, {each.identity_id for person in people for each in person})
    sorted_out = await _sort(connection, listed, batch, people, stars, known, careful=careful)
    # Facts first: the ledger's locks, which others wait for, are taken last.
    await _tell_new(connection, listed, batch, people, sorted_out.strangers)
    changed = await _tell(connection, listed, batch, people, [*sorted_out.steady, *sorted_out.rest])
    await repository.enrol(connection, listed.import_id, [each.identity_id for person in people for each in person])
    await _record(connection, listed, people, stars, sorted_out)
    await _announce(connection, changed)
    lines = [(row, number, *fault) for row, found in batch.faults for number, fault in enumerate(found)]
    await repository.keep_faults(connection, listed.import_id, lines)
    await repository.count(connection, listed.import_id, len(batch.numbers), len(batch.faults))


def _sightings(listed: List, number: int, identities: Sequence[Identity]) -> list[Sighting]:
    found = [Sighting(each.id, each.kind, each.value, listed.seen_at) for each in identities]
    if all(each.blocked for each in identities):
        found.insert(0, anchor(listed.import_id, number, listed.seen_at))
    return found


def anchor(import_id: UUID, number: int, seen_at: datetime) -> Sighting:
    """The identity of a person known by name or address alone: the same for a row however often it is read."""
    noise = hashlib.sha256(import_id.bytes + number.to_bytes(8, "big")).digest()
    made = UUID(bytes=import_id.bytes[:6] + noise[:10])
    made = UUID(int=made.int & ~(0xF << 76 | 0xC << 60) | 0x7 << 76 | 0x8 << 60)
    return Sighting(identity_id(PROFILE, str(made)), PROFILE, str(made), seen_at, seed=made)


def _star(listed: List, number: int, sightings: Sequence[Sighting]) -> list[Evidence]:
    hub, *others = sightings
    event = f"{listed.import_id}/{number}"
    return [
        Evidence(
            hub.identity_id,
            each.identity_id,
            LINK,
            listed.source,
            listed.seen_at,
            event,
            confidence=weight((hub.kind, each.kind)),
        )
        for each in others
    ]


async def _sort(
    connection: Connection,
    listed: List,
    batch: Batch,
    people: Sequence[Sequence[Sighting]],
    stars: Sequence[Sequence[Evidence]],
    known: Mapping[UUID, tuple[UUID, datetime]],
    *,
    careful: bool,
) -> _Sorted:
    alone = once([each.identity_id for each in person] for person in people)
    logins = {
        each.identity_id: each.value
        for person in people
        for each in person
        if each.kind == "user_id" and each.identity_id not in known
    }
    apart = await spoken_for(connection, logins)
    found, maybe = _Sorted([], [], []), list[int]()
    for place, person in enumerate(people):
        ids = [each.identity_id for each in person]
        if not any(each in known for each in ids):
            fits = (
                not careful
                and all(each in alone and each not in apart for each in ids)
                and not any(each.blocked for each in batch.identities[place])
                and listed.strangers.fits([each.kind for each in person])
            )
            (found.strangers if fits else found.rest).append(place)
        elif all(each in known and known[each][1] <= listed.seen_at for each in ids):
            maybe.append(place)
        else:
            found.rest.append(place)
    pairs = [(edge.a, edge.b) for place in maybe for edge in (each.edge for each in stars[place])]
    linked = await repository.linked(connection, pairs, listed.seen_at)
    for place in maybe:
        steady = all((edge.a, edge.b) in linked for edge in (each.edge for each in stars[place]))
        (found.steady if steady else found.rest).append(place)
    return found


async def _record(
    connection: Connection,
    listed: List,
    people: Sequence[Sequence[Sighting]],
    stars: Sequence[Sequence[Evidence]],
    places: _Sorted,
) -> None:
    new = [each.identity_id for place in places.strangers for each in people[place]]
    met = [each for place in places.rest for each in people[place]]
    evidence = [each for place in places.rest for each in stars[place]]
    if met or new:
        await record(connection, listed.strangers.guards, met, lambda _: Plan(evidence=list(evidence)), beside=new)
    if new and await repository.known(connection, new):
        raise _Overtaken
    await add(connection, [Stranger(people[place], stars[place]) for place in places.strangers])


async def _tell_new(
    connection: Connection, listed: List, batch: Batch, people: Sequence[Sequence[Sighting]], places: Sequence[int]
) -> None:
    if not places:
        return
    # In the order of the index, which then takes them page by page.
    places = sorted(places, key=lambda place: people[place][0].identity_id)
    columns = {key: [column[place] for place in places] for key, column in zip(listed.keys, batch.values, strict=True)}
    await repository.tell_new(
        connection,
        new_ids(len(places) * len(columns)),
        [people[place][0].identity_id for place in places],
        columns,
        listed.source,
        CONFIDENCE,
        listed.seen_at,
        listed.expires_at,
    )


async def _tell(
    connection: Connection,
    listed: List,
    batch: Batch,
    people: Sequence[Sequence[Sighting]],
    places: Collection[int],
) -> dict[UUID, set[str]]:
    """Keep facts about people who may be known; the keys of what is new, by identity."""
    told_of = [
        NewFact(
            people[place][0].identity_id,
            key,
            msgspec.json.decode(text),
            "observed",
            listed.source,
            listed.seen_at,
            CONFIDENCE,
            listed.expires_at,
        )
        for place in places
        for key, column in zip(listed.keys, batch.values, strict=True)
        if (text := column[place]) is not None
    ]
    changed: dict[UUID, set[str]] = {}
    for fact in await facts.tell(connection, told_of):
        if fact.first_observed_at == listed.seen_at:
            changed.setdefault(fact.identity_id, set()).add(fact.key)
    return changed


async def _announce(connection: Connection, changed: Mapping[UUID, set[str]]) -> None:
    if not changed:
        return
    profiles = await ledger.profiles_of(connection, changed)
    keys: dict[UUID, set[str]] = {}
    for identity, names in changed.items():
        keys.setdefault(profiles[identity], set()).update(names)
    now = datetime.now(UTC)
    events = [told(profile, names, now) for profile, names in keys.items()]
    for start in range(0, len(events), 1_000):
        await feed.append(connection, events[start : start + 1_000])
