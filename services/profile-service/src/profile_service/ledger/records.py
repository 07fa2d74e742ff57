"""What is read from and written to the ledger."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from rapport.identity import Identifier, identity_id

from profile_service.ledger.guards import Guards
from profile_service.ledger.rules import CannotLink, Edge, Node

Key = tuple[UUID, UUID, str]
Times = tuple[datetime | None, datetime | None]  # first seen, and seen last with another
PROFILE: Final = "profile"  # kind of the identity that anchors a profile without identifiers
NOW: Final = datetime.max.replace(tzinfo=UTC)  # stands for the time at which a sighting is recorded


@dataclass(frozen=True, slots=True)
class IdentityRow:
    """An identity as stored; `last_evidence_at` is the newest time of a link that touches it, held ones included."""

    identity_id: UUID
    kind: str
    value: str
    seed_profile_id: UUID
    profile_id: UUID
    profile_kind: str | None
    blocked: bool
    first_seen: datetime
    last_evidence_at: datetime | None
    created_at: datetime
    assigned_at: datetime


@dataclass(frozen=True, slots=True)
class LinkRow:
    """A link that stands: not retracted."""

    link_id: UUID
    a: UUID
    b: UUID
    kind: str
    state: str
    guards: Sequence[str]
    evidence_at: datetime
    event_id: str | None
    source: str

    @property
    def key(self) -> Key:
        """What makes two pieces of evidence the same link."""
        return self.a, self.b, self.kind

    @property
    def edge(self) -> Edge:
        """As the rules see it."""
        return Edge(self.evidence_at, self.kind, self.a, self.b)


@dataclass(frozen=True, slots=True)
class Sighting:
    """An identity met at a time; `seed` is the profile id it shall bring if it is new, one is made otherwise."""

    identity_id: UUID
    kind: str
    value: str
    seen_at: datetime
    profile_kind: str | None = None
    seed: UUID | None = None

    @classmethod
    def of(cls, identifier: Identifier, seen_at: datetime = NOW, profile_kind: str | None = None) -> "Sighting":
        """A sighting of a normalised identifier."""
        kind, value = identifier.kind, identifier.value
        return cls(identity_id(kind, value), kind, value, seen_at, profile_kind)


@dataclass(frozen=True, slots=True)
class Evidence:
    """That `a` and `b` are one customer, in any order; `confidence` 0 to 1.

    It is nothing when the link it `rests_on` was retracted at its time or since.
    """

    a: UUID
    b: UUID
    kind: str
    source: str
    evidence_at: datetime
    event_id: str | None = None
    reason: str | None = None
    confidence: float = 1.0
    rests_on: Key | None = None

    @property
    def edge(self) -> Edge:
        """As the rules see it."""
        return Edge(self.evidence_at, self.kind, min(self.a, self.b), max(self.a, self.b))


def star(
    sightings: Sequence[Sighting],
    kind: str,
    source: str,
    event_id: str | None,
    confidence: Callable[[str], float],
    at: datetime,
) -> list[Evidence]:
    """Evidence that identities seen together at a time, the strongest first, are one: each is linked to the first."""
    hub, *rest = sightings
    return [
        Evidence(
            hub.identity_id,
            each.identity_id,
            kind,
            source,
            at,
            event_id,
            confidence=min(confidence(hub.kind), confidence(each.kind)),
        )
        for each in rest
        if each.identity_id != hub.identity_id
    ]


@dataclass(slots=True)
class View:
    """A part of the ledger: whole profiles always, whole clusters of evidence for the identities in `deep`.

    Of deep clusters and of the pairs asked for, `links` holds those that stand, `retracted` when others were retracted
    last. `held` are the identities that some held link touches, `shared` those seen with two people. `now` is the
    time of the database since everything in view is under lock, so that of two words on the same the later is later.
    `seeds` are profile ids for identities that turn out to be new, where they came with the look. If the `past` of the
    profiles was read, `inside` are the links that made them, and `shared_since` is when shared identities became so.
    """

    identities: dict[UUID, IdentityRow] = field(default_factory=dict)
    links: dict[Key, LinkRow] = field(default_factory=dict)
    retracted: dict[Key, datetime] = field(default_factory=dict)
    held: set[UUID] = field(default_factory=set)
    shared: set[UUID] = field(default_factory=set)
    cannot_links: list[CannotLink] = field(default_factory=list)
    deep: set[UUID] = field(default_factory=set)
    now: datetime = NOW
    seeds: dict[UUID, UUID] = field(default_factory=dict)
    past: bool = False
    inside: list[Edge] = field(default_factory=list)
    shared_since: dict[UUID, datetime] = field(default_factory=dict)


@dataclass(slots=True)
class Plan:
    """What shall change: evidence added, links retracted, pairs that an operator keeps apart."""

    evidence: list[Evidence] = field(default_factory=list)
    retract: list[LinkRow] = field(default_factory=list)
    keep_apart: list[tuple[UUID, UUID]] = field(default_factory=list)
    at: datetime | None = None
    by: str = ""
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """What is to be decided: a plan, on the part of the ledger in view, for identities met now and stored before."""

    view: View
    met: Mapping[UUID, Sighting]
    plan: Plan
    guards: Guards

    @property
    def new(self) -> list[Sighting]:
        """Sightings of identities that are not stored yet."""
        return [each for identity, each in self.met.items() if identity not in self.view.identities]

    def nodes(self) -> list[Node]:
        """All identities involved, as the rules see them."""
        stored = [Node(row.identity_id, row.kind, row.blocked) for row in self.view.identities.values()]
        blocks = self.guards.blocks
        return stored + [Node(each.identity_id, each.kind, blocks(each.kind, each.value)) for each in self.new]

    def cannot_links(self) -> list[CannotLink]:
        """What operators keep apart, by the plan too."""
        made = [CannotLink(a, b, self.plan.at) for a, b in self.plan.keep_apart] if self.plan.at else []
        return self.view.cannot_links + made

    def profiles(self) -> list[list[UUID]]:
        """Stored identities by the profile they belong to at present."""
        found: dict[UUID, list[UUID]] = {}
        for row in self.view.identities.values():
            found.setdefault(row.profile_id, []).append(row.identity_id)
        return list(found.values())


@dataclass(slots=True)
class Outcome:
    """What came of a plan: profile of each identity `before` (stored ones) and `after`, ids and verdicts of links."""

    before: dict[UUID, UUID]
    after: dict[UUID, UUID]
    link_ids: dict[Key, UUID]
    held: dict[Key, tuple[str, ...]]
    overridden: dict[Key, tuple[str, ...]]
    created: frozenset[UUID]
