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
from typing import Final, NamedTuple
from uuid import UUID

from rapport import feed
from rapport.database import Connection
from rapport.feed import Event
from rapport.identity import identity_id

from profile_service.ledger import repository
from profile_service.ledger.guards import Guards
from profile_service.ledger.records import Evidence, Sighting
from profile_service.ledger.rules import Edge, Node, partition

_EVENTS_AT_ONCE: Final = 1_000
_ASSIGNMENTS_AT_ONCE: Final = 500
_MOST: Final = 4

_INSERT_IDENTITIES = """
    INSERT INTO identity (identity_id, kind, value, seed_profile_id, profile_id, version, blocked, first_seen,
                          last_evidence_at)
    SELECT id, kind, value, seed, profile, version, false, $7::timestamptz, CASE WHEN linked THEN $7::timestamptz END
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::uuid[], $6::bool[], $8::bigint[])
         AS new(id, kind, value, seed, profile, linked, version)
"""
_INSERT_LINKS = """
    INSERT INTO link (link_id, a, b, kind, state, source, event_id, confidence, evidence_at)
    SELECT link_id, a, b, $4, 'accepted', $5, event_id, confidence, $8
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $6::text[], $7::float8[])
         AS new(link_id, a, b, event_id, confidence)
"""
_VERSIONS = "SELECT array_agg(nextval('assignment_version')) FROM generate_series(1, $1)"


class Stranger(NamedTuple):
    """Identities met together, all for the first time, and the evidence that they are one: a star around the first."""

    sightings: Sequence[Sighting]
    evidence: Sequence[Evidence]


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


async def add(connection: Connection, strangers: Sequence[Stranger]) -> list[UUID]:
    """Take in people whose identities are all new and met once, under the ledger's locks; the profile of each.

    All are seen at one time and linked by one kind of evidence from one source.
    """
    if not strangers:
        return []
    sightings = [each for stranger in strangers for each in stranger.sightings]
    made = new_ids(sum(each.seed is None for each in sightings))
    seeds = {each.identity_id: each.seed or made.pop() for each in sightings}
    profiles = [seeds[min(each.identity_id for each in stranger.sightings)] for stranger in strangers]
    owners = [profile for stranger, profile in zip(strangers, profiles, strict=True) for _ in stranger.sightings]
    linked = [len(stranger.sightings) > 1 for stranger in strangers for _ in stranger.sightings]
    versions = await connection.fetchval(_VERSIONS, len(sightings))
    await connection.execute(
        _INSERT_IDENTITIES,
        [each.identity_id for each in sightings],
        [each.kind for each in sightings],
        [each.value for each in sightings],
        [seeds[each.identity_id] for each in sightings],
        owners,
        linked,
        sightings[0].seen_at,
        versions,
    )
    links = await _link(connection, [each for stranger in strangers for each in stranger.evidence])
    now = datetime.now(UTC)
    events = [*_assigned(now, sightings, owners, seeds, versions), *_created(now, profiles), *_linked(now, links)]
    for start in range(0, len(events), _EVENTS_AT_ONCE):
        await feed.append(connection, events[start : start + _EVENTS_AT_ONCE])
    return profiles


def new_ids(count: int) -> list[UUID]:
    """Time-ordered ids (version 7); the server takes several microseconds for each."""
    head = (time.time_ns() // 1_000_000) << 80 | 0x7 << 76 | 0x8 << 60
    noise, mask = os.urandom(10 * count), (0xFFF << 64) | ((1 << 62) - 1)
    return [UUID(int=head | (int.from_bytes(noise[start : start + 10]) & mask)) for start in range(0, 10 * count, 10)]


def once(ids: Iterable[Iterable[UUID]]) -> Collection[UUID]:
    """Those met in one of the groups alone."""
    return {each for each, times in Counter(each for group in ids for each in group).items() if times == 1}


async def _link(connection: Connection, evidence: Sequence[Evidence]) -> list[tuple[UUID, Evidence]]:
    if not evidence:
        return []
    ids, edges, first = new_ids(len(evidence)), [each.edge for each in evidence], evidence[0]
    await connection.execute(
        _INSERT_LINKS,
        ids,
        [edge.a for edge in edges],
        [edge.b for edge in edges],
        first.kind,
        first.source,
        [each.event_id for each in evidence],
        [each.confidence for each in evidence],
        first.evidence_at,
    )
    return list(zip(ids, evidence, strict=True))


def _assigned(
    now: datetime,
    sightings: Sequence[Sighting],
    owners: Sequence[UUID],
    seeds: Mapping[UUID, UUID],
    versions: Sequence[int],
) -> Iterable[Event]:
    assignments = [
        {
            "identity_id": each.identity_id,
            "kind": each.kind,
            "profile_id": owner,
            "seed_profile_id": seeds[each.identity_id],
            "version": version,
        }
        for each, owner, version in zip(sightings, owners, versions, strict=True)
    ]
    for start in range(0, len(assignments), _ASSIGNMENTS_AT_ONCE):
        data = {"assignments": assignments[start : start + _ASSIGNMENTS_AT_ONCE]}
        yield Event(type="identity.assigned", time=now, data=data)


def _created(now: datetime, profiles: Iterable[UUID]) -> Iterable[Event]:
    for each in profiles:
        data = {"profile_id": each, "kind": "person", "created_at": now}
        yield Event(type="profile.created", time=now, subject=str(each), data=data)


def _linked(now: datetime, links: Iterable[tuple[UUID, Evidence]]) -> Iterable[Event]:
    for link_id, each in links:
        edge = each.edge
        data = {"link_id": link_id, "a": edge.a, "b": edge.b, "kind": each.kind, "reason": each.reason}
        yield Event(type="identity.linked", time=now, subject=str(link_id), data=data)
