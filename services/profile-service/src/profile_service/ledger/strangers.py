"""People of whom nothing is known yet, thousands at a time: what the ledger makes of them can be told beforehand.

Identities that nobody has met belong to no profile, have no links and are kept apart by nobody, so the verdict on the
links among them follows from their kinds alone. Whoever does not fit that goes the way of all evidence.
"""

import os
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import permutations
from operator import attrgetter
from typing import Final, NamedTuple
from uuid import UUID

import msgspec
from rapport import feed
from rapport.database import Connection
from rapport.feed import Event
from rapport.identity import confidence, identity_id

from profile_service.ledger import repository
from profile_service.ledger.guards import Guards
from profile_service.ledger.rules import Edge, Node, partition

_EVENTS_AT_ONCE: Final = 1_000
_ASSIGNMENTS_AT_ONCE: Final = 500
_MOST: Final = 4
_number = attrgetter("int")

_IDENTITY: Final = (
    *("identity_id", "kind", "value", "seed_profile_id", "profile_id", "version"),
    *("blocked", "first_seen", "last_evidence_at"),
)
_LINK: Final = ("link_id", "a", "b", "kind", "state", "source", "event_id", "confidence", "evidence_at")
_VERSIONS = "SELECT array_agg(nextval('assignment_version')) FROM generate_series(1, $1)"


class Met(NamedTuple):
    """An identity met for the first time; `seed` is the profile id it brings, one is made otherwise."""

    kind: str
    value: str
    id: UUID
    seed: UUID | None = None


class Stranger(NamedTuple):
    """Identities met together, all for the first time: each of them is one with the first, as `event_id` says."""

    identities: Sequence[Met]
    event_id: str


class Said(NamedTuple):
    """What is said of all strangers of a batch alike: the kind of evidence, where it comes from, and when."""

    kind: str
    source: str
    at: datetime


@dataclass(slots=True)
class Strangers:
    """Tells who can be taken in at once; `guards` are those of the ledger."""

    guards: Guards
    _verdicts: dict[tuple[str, ...], bool] = field(default_factory=dict)

    def fits(self, kinds: Sequence[str]) -> bool:
        """Whether new identities of these kinds, the first linked to each other, become one profile in any order."""
        key = tuple(kinds)
        if key not in self._verdicts:
            self._verdicts[key] = len(key) <= _MOST and self._joins(key)
        return self._verdicts[key]

    def _joins(self, kinds: tuple[str, ...]) -> bool:
        for order in permutations(range(len(kinds))):
            ids = [UUID(int=place + 1) for place in order]
            nodes = [Node(each, kind) for each, kind in zip(ids, kinds, strict=True)]
            edges = [
                Edge(datetime.min.replace(tzinfo=UTC), "import", min(ids[0], each), max(ids[0], each))
                for each in ids[1:]
            ]
            found = partition(nodes, edges, (), self.guards)
            clean = all(verdict.accepted and not verdict.guards for verdict in found.verdicts.values())
            if len(found.components) > 1 or not clean:
                return False
        return True


async def spoken_for(connection: Connection, logins: Mapping[UUID, str]) -> set[UUID]:
    """Those of these new logins about whose name an alias spoke already, when it stood for an anonymous id."""
    names = {identity_id("anonymous_id", value): login for login, value in logins.items()}
    found = await repository.aliases_to(connection, names) if names else []
    return {names[end] for each in found for end in (each.a, each.b) if end in names}


async def add(connection: Connection, strangers: Sequence[Stranger], said: Said) -> None:
    """Take in people whose identities are all new and met once, under the ledger's locks."""
    if not strangers:
        return
    met = [each for stranger in strangers for each in stranger.identities]
    made = iter(new_ids(sum(each.seed is None for each in met)))
    seeds = [each.seed or next(made) for each in met]
    by_identity = {each.id: seed for each, seed in zip(met, seeds, strict=True)}
    profiles = [by_identity[min([each.id for each in who.identities], key=_number)] for who in strangers]
    owners = [profile for who, profile in zip(strangers, profiles, strict=True) for _ in who.identities]
    linked = [said.at if len(who.identities) > 1 else None for who in strangers for _ in who.identities]
    versions = await connection.fetchval(_VERSIONS, len(met))
    rows = zip(met, seeds, owners, versions, linked, strict=True)
    await connection.copy_records_to_table(
        "identity",
        records=[(it.id, it.kind, it.value, seed, owner, no, False, said.at, at) for it, seed, owner, no, at in rows],
        columns=_IDENTITY,
    )
    links = await _link(connection, strangers, said)
    now = datetime.now(UTC)
    events = [*_assigned(now, met, owners, seeds, versions), *_created(now, profiles), *_linked(now, links)]
    for start in range(0, len(events), _EVENTS_AT_ONCE):
        await feed.append(connection, events[start : start + _EVENTS_AT_ONCE])


def new_ids(count: int) -> list[UUID]:
    """Time-ordered ids (version 7), each greater than the one before; the server takes several microseconds for each.

    Indexes take ids that only grow at their end, several times faster than ids that fall anywhere.
    """
    head, noise = (time.time_ns() // 1_000_000) << 80 | 0x7 << 76 | 0x8 << 60, os.urandom(7 * count)
    return [
        UUID(
            int=head
            | (number >> 12 & 0xFFF) << 64
            | (number & 0xFFF) << 50
            | int.from_bytes(noise[7 * number : 7 * number + 7]) >> 6
        )
        for number in range(count)
    ]


def once(ids: Iterable[Iterable[UUID]]) -> Collection[UUID]:
    """Those met in one of the groups alone."""
    return {each for each, times in Counter(each for group in ids for each in group).items() if times == 1}


async def _link(
    connection: Connection, strangers: Sequence[Stranger], said: Said
) -> list[tuple[UUID, UUID, UUID, str, str, str, str, float, datetime]]:
    pairs = [(who.identities[0], other, who.event_id) for who in strangers for other in who.identities[1:]]
    rows = []
    for link_id, (hub, other, event_id) in zip(new_ids(len(pairs)), pairs, strict=True):
        a, b = (hub.id, other.id) if hub.id.int < other.id.int else (other.id, hub.id)
        sure = min(confidence(hub.kind), confidence(other.kind))
        rows.append((link_id, a, b, said.kind, "accepted", said.source, event_id, sure, said.at))
    if rows:
        await connection.copy_records_to_table("link", records=rows, columns=_LINK)
    return rows


# Written out, as millions of them are made: an event costs a third of what its dictionaries would.


def _assigned(
    now: datetime, met: Sequence[Met], owners: Sequence[UUID], seeds: Sequence[UUID], versions: Sequence[int]
) -> Iterable[Event]:
    lines = [
        f'{{"identity_id":"{each.id}","kind":"{each.kind}","profile_id":"{owner}","seed_profile_id":"{seed}",'
        f'"version":{version}}}'
        for each, owner, seed, version in zip(met, owners, seeds, versions, strict=True)
    ]
    for start in range(0, len(lines), _ASSIGNMENTS_AT_ONCE):
        data = f'{{"assignments":[{",".join(lines[start : start + _ASSIGNMENTS_AT_ONCE])}]}}'
        yield Event(type="identity.assigned", time=now, data=msgspec.Raw(data.encode()))


def _created(now: datetime, profiles: Iterable[UUID]) -> Iterable[Event]:
    at = msgspec.json.encode(now).decode()
    for each in profiles:
        profile = str(each)
        data = f'{{"profile_id":"{profile}","kind":"person","created_at":{at}}}'
        yield Event(type="profile.created", time=now, subject=profile, data=msgspec.Raw(data.encode()))


def _linked(
    now: datetime, links: Iterable[tuple[UUID, UUID, UUID, str, str, str, str, float, datetime]]
) -> Iterable[Event]:
    for link_id, a, b, kind, *_ in links:
        link = str(link_id)
        data = f'{{"link_id":"{link}","a":"{a}","b":"{b}","kind":"{kind}","reason":null}}'
        yield Event(type="identity.linked", time=now, subject=link, data=msgspec.Raw(data.encode()))
