"""From evidence to profiles: a pure function of the ledger, so that any order of delivery gives the same customers.

Links are taken in the order of the evidence's own time, as Kruskal's algorithm takes edges; one that would join what a
guard or an operator keeps apart is held. A held link changes nothing but this: a shared thing that two people were seen
with joins nobody from then on; of two things of one kind, seen together, it may be either.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from profile_service.ledger.guards import Guards

OPERATOR: Final = "operator"
ALIAS: Final = "alias"

BLOCKED_VALUE: Final = "blocked_value"
CANNOT_LINK: Final = "cannot_link"
TOO_LARGE: Final = "too_many_identities"
SHARED: Final = "shared:"


@dataclass(frozen=True, slots=True)
class Node:
    """An identity as the rules see it; `blocked` when its value is nobody's own."""

    identity_id: UUID
    kind: str
    blocked: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """Evidence that `a` and `b` (a < b) are one; edges sort by the order in which they are decided."""

    evidence_at: datetime
    kind: str
    a: UUID
    b: UUID

    @property
    def key(self) -> tuple[UUID, UUID, str]:
        """What makes two pieces of evidence the same link."""
        return self.a, self.b, self.kind


@dataclass(frozen=True, slots=True)
class CannotLink:
    """An operator's word, at `made_at`, that `a` and `b` are two customers."""

    a: UUID
    b: UUID
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """`guards` names what stopped a held link, or what an operator's accepted link overrode."""

    accepted: bool
    guards: tuple[str, ...] = ()


class Forest:
    """Components under the links accepted so far; `shared` are identities that were seen with two people before."""

    def __init__(
        self,
        nodes: Iterable[Node],
        cannot_links: Iterable[CannotLink],
        guards: Guards,
        shared: Iterable[UUID] = (),
    ) -> None:
        self._guards = guards
        self._shared = set(shared)
        self._nodes = {node.identity_id: node for node in nodes}
        self._root = {identity: identity for identity in self._nodes}
        self._members = {identity: [identity] for identity in self._nodes}
        self._kinds = {identity: Counter([node.kind]) for identity, node in self._nodes.items()}
        self._apart: dict[UUID, list[tuple[UUID, datetime]]] = defaultdict(list)
        for each in cannot_links:
            if each.a in self._nodes and each.b in self._nodes:
                self._apart[each.a].append((each.b, each.made_at))
                self._apart[each.b].append((each.a, each.made_at))

    def join(self, members: Iterable[UUID]) -> None:
        """Put identities together whatever the guards say: they were found together before."""
        first: UUID | None = None
        for member in members:
            first = member if first is None else self._unite(self._find(first), self._find(member))

    def add(self, edge: Edge) -> Verdict:
        """Decide one link given all that were decided before it."""
        a, b = self._find(edge.a), self._find(edge.b)
        if a == b:
            return Verdict(accepted=True)
        objections = self._objections(edge, a, b)
        if objections and not self._overridden(edge, a, b):
            self._shared.update(end for end in (edge.a, edge.b) if f"{SHARED}{self._nodes[end].kind}" in objections)
            return Verdict(accepted=False, guards=objections)
        self._unite(a, b)
        return Verdict(accepted=True, guards=objections)

    def components(self) -> list[list[UUID]]:
        """Members of every component."""
        return list(self._members.values())

    def component(self, identity: UUID) -> list[UUID]:
        """Members of the component that holds `identity`."""
        return self._members[self._find(identity)]

    def sound(self, identity: UUID) -> bool:
        """Whether the component of `identity` breaks no guard, so that no part of it could have broken one."""
        root = self._find(identity)
        members, kinds = self._members[root], self._kinds[root]
        return len(members) == 1 or (
            len(members) <= self._guards.identities
            and all(count <= self._guards.maximum.get(kind, count) for kind, count in kinds.items())
            and not any(self._find(other) == root for each in members for other, _ in self._apart.get(each, ()))
            and not any(self._nodes[each].blocked for each in members)
            and self._one_person(kinds)
        )

    def _one_person(self, kinds: Mapping[str, int]) -> bool:
        """Whether no shared thing could have joined two people, in whatever order these came together."""
        personal = [count for kind, count in kinds.items() if self._guards.personal(kind)]
        if not self._guards.never_join.isdisjoint(kinds):
            return sum(personal) <= 1
        return self._guards.shared.isdisjoint(kinds) or all(count == 1 for count in personal)

    def _objections(self, edge: Edge, a: UUID, b: UUID) -> tuple[str, ...]:
        found = [BLOCKED_VALUE] if self._nodes[edge.a].blocked or self._nodes[edge.b].blocked else []
        if self._apart_since(a, b) is not None:
            found.append(CANNOT_LINK)
        found += self._shared_ends(edge, a, b)
        for kind, count in sorted(self._kinds[a].items()):
            others = self._kinds[b].get(kind, 0)
            exempt = edge.kind == ALIAS and kind == "user_id"
            if others and not exempt and count + others > self._guards.maximum.get(kind, count + others):
                found.append(f"too_many:{kind}")
        if len(self._members[a]) + len(self._members[b]) > self._guards.identities:
            found.append(TOO_LARGE)
        return tuple(found)

    def _shared_ends(self, edge: Edge, a: UUID, b: UUID) -> list[str]:
        """Kinds of those ends by which alone the edge would join two people."""
        here, there = ({kind for kind in self._kinds[each] if self._guards.personal(kind)} for each in (a, b))
        if not (here and there):
            return []
        rivals = not here.isdisjoint(there)
        kinds = {
            kind
            for end in (edge.a, edge.b)
            if (kind := self._nodes[end].kind) in self._guards.never_join
            or (kind in self._guards.shared and (rivals or end in self._shared))
        }
        return [f"{SHARED}{kind}" for kind in sorted(kinds)]

    def _overridden(self, edge: Edge, a: UUID, b: UUID) -> bool:
        # An operator outweighs guards; of two operators' words the later one holds.
        since = self._apart_since(a, b)
        return edge.kind == OPERATOR and (since is None or since < edge.evidence_at)

    def _apart_since(self, a: UUID, b: UUID) -> datetime | None:
        smaller, other = (a, b) if len(self._members[a]) <= len(self._members[b]) else (b, a)
        words = (
            made_at
            for member in self._members[smaller]
            for partner, made_at in self._apart.get(member, ())
            if self._find(partner) == other
        )
        return max(words, default=None)

    def _find(self, identity: UUID) -> UUID:
        root = identity
        while (above := self._root[root]) != root:
            root = above
        while (above := self._root[identity]) != root:
            self._root[identity] = root
            identity = above
        return root

    def _unite(self, a: UUID, b: UUID) -> UUID:
        if a == b:
            return a
        if len(self._members[a]) < len(self._members[b]):
            a, b = b, a
        self._root[b] = a
        self._members[a] += self._members.pop(b)
        self._kinds[a].update(self._kinds.pop(b))
        return a


@dataclass(frozen=True, slots=True)
class Partition:
    """`components` of identities, and the verdict on every link by its key."""

    components: list[list[UUID]]
    verdicts: dict[tuple[UUID, UUID, str], Verdict]


def partition(
    nodes: Iterable[Node], edges: Iterable[Edge], cannot_links: Iterable[CannotLink], guards: Guards
) -> Partition:
    """The profiles that follow from a ledger, whatever order it is given in; evidence given twice counts once."""
    forest = Forest(nodes, cannot_links, guards)
    verdicts: dict[tuple[UUID, UUID, str], Verdict] = {}
    for edge in sorted(edges):
        if edge.key not in verdicts:
            verdicts[edge.key] = forest.add(edge)
    return Partition(forest.components(), verdicts)


def survivor(first_seen: Mapping[UUID, datetime]) -> UUID:
    """The identity whose profile id a component goes by: the one known longest."""
    return min(first_seen, key=lambda identity: (first_seen[identity], identity))
