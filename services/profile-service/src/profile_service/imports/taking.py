"""A batch of people taken in: what the list tells of them, then who they are."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import msgspec
from rapport import feed
from rapport.database import Connection
from rapport.identity import Identifier, identity_id

from profile_service.facts import repository as facts
from profile_service.facts import retold
from profile_service.facts.bulk import Teller
from profile_service.facts.repository import NewFact
from profile_service.facts.retold import Terms, Told
from profile_service.facts.service import told
from profile_service.imports import repository
from profile_service.imports.preparing import Batch
from profile_service.imports.rules import Identity, weight
from profile_service.ledger import repository as ledger
from profile_service.ledger.guards import Guards
from profile_service.ledger.providers import mailbox
from profile_service.ledger.records import PROFILE, Evidence, Plan, Sighting
from profile_service.ledger.service import record
from profile_service.ledger.strangers import Met, Said, Stranger, Strangers, add, once, spoken_for

LINK: Final = "import"
CONFIDENCE: Final = 0.8
ORIGIN: Final = "observed"
_EVENTS_AT_ONCE: Final = 1_000


@dataclass(slots=True)
class List:
    """What the rows of a list have in common; `keys` name the values of a batch."""

    import_id: UUID
    source: str
    expires_at: datetime | None
    seen_at: datetime
    keys: Sequence[str]
    strangers: Strangers
    like: Collection[UUID] | None = None
    teller: Teller = field(init=False)

    def __post_init__(self) -> None:
        self.teller = Teller(ORIGIN, self.source, CONFIDENCE, self.seen_at, self.expires_at, self.import_id)


@dataclass(slots=True)
class People:
    """A batch: of each row its number, its identities with the one that owns its facts first, and what is known."""

    listed: List
    batch: Batch
    who: list[list[Met]]
    known: Mapping[UUID, tuple[UUID, datetime]]
    # Places of people nobody knows, of people known as they are, of people for the ledger to decide about.
    strangers: list[int] = field(default_factory=list)
    steady: list[int] = field(default_factory=list)
    rest: list[int] = field(default_factory=list)
    changed: dict[UUID, set[str]] = field(default_factory=dict)

    def event(self, place: int) -> str:
        """What the evidence of a row goes by."""
        return f"{self.listed.import_id}/{self.batch.numbers[place]}"

    def pairs(self, place: int) -> list[tuple[UUID, UUID]]:
        """Identities that a row links, in the order in which links have them."""
        hub, *others = (each.id for each in self.who[place])
        return [(hub, each) if hub.int < each.int else (each, hub) for each in others]

    def values(self, places: Sequence[int]) -> dict[str, list[str | None]]:
        """Values by key of some rows."""
        columns = zip(self.listed.keys, self.batch.values, strict=True)
        return {key: [column[place] for place in places] for key, column in columns}


async def tell(connection: Connection, listed: List, batch: Batch, *, careful: bool = False) -> People:
    """Write down what a batch tells of people, who they are not yet being settled; `careful` takes nobody for new."""
    who = [_met(listed.import_id, number, found) for number, found in zip(batch.numbers, batch.identities, strict=True)]
    known = await repository.known(connection, {each.id for person in who for each in person})
    people = People(listed, batch, who, known)
    await _sort(connection, people, careful=careful)
    await _tell_new(connection, people)
    people.changed = await _tell(connection, people, people.rest)
    await _tell_again(connection, people)
    await _enrol(connection, people)
    return people


async def settle(connection: Connection, people: People) -> None:
    """Settle who they are, and count them; the ledger's locks, which others wait for, are taken here, last of all.

    An identity that somebody else has met since `tell` looked raises `UniqueViolationError`.
    """
    listed, batch = people.listed, people.batch
    await _record(connection, people)
    await _announce(connection, people.changed)
    lines = [(row, number, *fault) for row, found in batch.faults for number, fault in enumerate(found)]
    await repository.keep_faults(connection, listed.import_id, lines)
    await repository.count(connection, listed.import_id, len(batch.numbers), len(batch.faults))


def _met(import_id: UUID, number: int, identities: Sequence[Identity]) -> list[Met]:
    found = [Met(kind, value, key) for kind, value, key, _ in identities]
    # The shared ones come last: if the first is one, nobody in particular owns any.
    return found if identities and not identities[0].blocked else [anchor(import_id, number), *found]


def anchor(import_id: UUID, number: int) -> Met:
    """The identity of a person known by name or address alone: the same for a row however often it is read."""
    noise = hashlib.sha256(import_id.bytes + number.to_bytes(8, "big")).digest()
    made = UUID(bytes=import_id.bytes[:6] + noise[:10])
    made = UUID(int=made.int & ~(0xF << 76 | 0xC << 60) | 0x7 << 76 | 0x8 << 60)
    return Met(PROFILE, str(made), identity_id(PROFILE, str(made)), made)


async def _sort(connection: Connection, people: People, *, careful: bool) -> None:
    alone = once([each.id for each in person] for person in people.who)
    apart = await _spoken_for(connection, people)
    known, seen_at, maybe = people.known, people.listed.seen_at, list[int]()
    for place, person in enumerate(people.who):
        if not any(each.id in known for each in person):
            fits = (
                not careful
                and all(each.id in alone and each.id not in apart for each in person)
                and not any(each.blocked for each in people.batch.identities[place])
                and people.listed.strangers.fits([each.kind for each in person])
                and not _has_mailbox(people.listed.strangers.guards, person)
            )
            (people.strangers if fits else people.rest).append(place)
        elif all(each.id in known and known[each.id][1] <= seen_at for each in person):
            maybe.append(place)
        else:
            people.rest.append(place)
    linked = await repository.linked(connection, [pair for place in maybe for pair in people.pairs(place)], seen_at)
    for place in maybe:
        (people.steady if linked.issuperset(people.pairs(place)) else people.rest).append(place)


def _has_mailbox(guards: Guards, person: Sequence[Met]) -> bool:
    """Whether an address is, by the rules of its provider, another spelling: the ledger has to see to that."""
    return guards.email_provider_rules and any(mailbox(Identifier(each.kind, each.value)) for each in person)


async def _spoken_for(connection: Connection, people: People) -> set[UUID]:
    logins = {
        each.id: each.value
        for person in people.who
        for each in person
        if each.kind == "user_id" and each.id not in people.known
    }
    return await spoken_for(connection, logins)


async def _record(connection: Connection, people: People) -> None:
    listed = people.listed
    new = [each.id for place in people.strangers for each in people.who[place]]
    met = [
        Sighting(each.id, each.kind, each.value, listed.seen_at, seed=each.seed)
        for place in people.rest
        for each in people.who[place]
    ]
    evidence = [each for place in people.rest for each in _evidence(people, place)]
    if met or new:
        await record(connection, listed.strangers.guards, met, lambda _: Plan(evidence=list(evidence)), beside=new)
    strangers = [Stranger(people.who[place], people.event(place)) for place in people.strangers]
    await add(connection, strangers, Said(LINK, listed.source, listed.seen_at))


def _evidence(people: People, place: int) -> list[Evidence]:
    hub, *others = people.who[place]
    listed, event = people.listed, people.event(place)
    return [
        Evidence(
            hub.id,
            each.id,
            LINK,
            listed.source,
            listed.seen_at,
            event,
            confidence=weight((hub.kind, each.kind)),
        )
        for each in others
    ]


async def _enrol(connection: Connection, people: People) -> None:
    new = [each.id for place in people.strangers for each in people.who[place]]
    await repository.enrol_new(connection, people.listed.import_id, new)
    others = [each.id for place in (*people.steady, *people.rest) for each in people.who[place]]
    await repository.enrol(connection, people.listed.import_id, others)


async def _tell_new(connection: Connection, people: People) -> None:
    # In the order of the index, which then takes them page by page.
    places = sorted(people.strangers, key=lambda place: people.who[place][0].id.int)
    owners = [people.who[place][0].id for place in places]
    await people.listed.teller.tell(connection, owners, people.values(places))


async def _tell(connection: Connection, people: People, places: Iterable[int]) -> dict[UUID, set[str]]:
    """Keep facts about people who may be known; the keys of what is new, by identity."""
    told = [
        (people.who[place][0].id, key, text)
        for place in places
        for key, column in zip(people.listed.keys, people.batch.values, strict=True)
        if (text := column[place]) is not None
    ]
    return await _keep(connection, people.listed, told)


async def _tell_again(connection: Connection, people: People) -> None:
    """Keep what is new or has changed about people who are on a list again."""
    listed, changed = people.listed, people.changed
    told = [
        Told(people.known[(owner := people.who[place][0].id)][0], owner, key, text)
        for place in people.steady
        for key, column in zip(listed.keys, people.batch.values, strict=True)
        if (text := column[place]) is not None
    ]
    if not told:
        return
    if listed.like is None:
        listed.like = await repository.lists_like(connection, listed.import_id)
    terms = Terms(ORIGIN, listed.source, CONFIDENCE, listed.seen_at, listed.expires_at, listed.import_id, listed.like)
    found = await retold.sort_out(connection, terms, told)
    await retold.refresh(connection, terms, found.stale)
    for identity, keys in (await _keep(connection, listed, [told[place][1:] for place in found.new])).items():
        changed.setdefault(identity, set()).update(keys)
    for place in found.revived:
        changed.setdefault(told[place].identity_id, set()).add(told[place].key)


async def _keep(connection: Connection, listed: List, told: Iterable[tuple[UUID, str, str]]) -> dict[UUID, set[str]]:
    new = [
        NewFact(
            identity,
            key,
            msgspec.json.decode(text),
            ORIGIN,
            listed.source,
            listed.seen_at,
            CONFIDENCE,
            listed.expires_at,
            listed.import_id,
        )
        for identity, key, text in told
    ]
    changed: dict[UUID, set[str]] = {}
    for fact in await facts.tell(connection, new):
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
    for start in range(0, len(events), _EVENTS_AT_ONCE):
        await feed.append(connection, events[start : start + _EVENTS_AT_ONCE])
