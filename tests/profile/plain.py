"""Who is one customer, worked out as plainly as can be: sets of identities, evidence taken in the order of its time."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from itertools import pairwise, product
from uuid import UUID

from profile_service.ledger.guards import Guards
from profile_service.ledger.rules import CannotLink, Edge
from rapport.identity import strength

Key = tuple[UUID, UUID, str]
Groups = list[set[UUID]]


class Plain:
    """Groups under evidence taken so far."""

    def __init__(
        self, kinds: Mapping[UUID, str], blocked: Collection[UUID], apart: Collection[CannotLink], guards: Guards
    ) -> None:
        self.kinds = kinds
        self.blocked = blocked
        self.apart = apart
        self.guards = guards
        self.groups: Groups = [{each} for each in kinds]
        self.accepted: set[Key] = set()
        self.kept_apart: set[Key] = set()
        self.seen_with_two: set[UUID] = set()

    def take(self, evidence: Iterable[Edge]) -> "Plain":
        """Go through all evidence; the earliest for a link counts."""
        seen = set()
        for edge in sorted(evidence):
            if edge.key not in seen:
                seen.add(edge.key)
                self._take(edge)
        return self

    def _take(self, edge: Edge) -> None:
        one = next(group for group in self.groups if edge.a in group)
        other = next(group for group in self.groups if edge.b in group)
        if one is other:
            self.accepted.add(edge.key)
        elif self._allowed(edge, one, other):
            self.accepted.add(edge.key)
            self.groups.remove(other)
            one |= other

    def _allowed(self, edge: Edge, one: set[UUID], other: set[UUID]) -> bool:
        across = [
            each for each in self.apart if (each.a in one and each.b in other) or (each.a in other and each.b in one)
        ]
        if across:
            self.kept_apart.add(edge.key)
        if edge.kind == "operator":
            return all(each.made_at < edge.evidence_at for each in across)
        shared = self._shared(edge, one, other)
        # Of a link that an operator's word holds too, the shared thing is known for what it is all the same.
        self.seen_with_two |= shared
        return not (
            shared
            or across
            or {edge.a, edge.b} & set(self.blocked)
            or len(one | other) > self.guards.identities
            or any(self._too_many(kind, most, edge, one, other) for kind, most in self.guards.maximum.items())
        )

    def _too_many(self, kind: str, most: int, edge: Edge, one: set[UUID], other: set[UUID]) -> bool:
        here, there = (sum(self.kinds[each] == kind for each in group) for group in (one, other))
        return bool(here and there and here + there > most and not (edge.kind == "alias" and kind == "user_id"))

    def _shared(self, edge: Edge, one: set[UUID], other: set[UUID]) -> set[UUID]:
        """The ends by which alone two people would become one; of two things of a kind it may be either."""
        things = self.guards.shared | self.guards.never_join
        here, there = ({self.kinds[each] for each in group} - things for group in (one, other))
        if not (here and there):
            return set()
        kinds = {
            self.kinds[end]
            for end in (edge.a, edge.b)
            if self.kinds[end] in self.guards.never_join
            or (self.kinds[end] in self.guards.shared and (here & there or end in self.seen_with_two))
        }
        return {end for end in (edge.a, edge.b) if self.kinds[end] in kinds}


class PlainLedger:
    """All that was ever said, and the customers that follow, worked out anew from all of it whenever asked."""

    def __init__(self, guards: Guards) -> None:
        self.guards = guards
        self.kinds: dict[UUID, str] = {}
        self.names: dict[UUID, tuple[str, str]] = {}
        self.blocked: set[UUID] = set()
        self.first_seen: dict[UUID, datetime] = {}
        self.said: dict[Key, tuple[datetime, str]] = {}
        self.retracted: dict[Key, datetime] = {}
        self.words: list[list[CannotLink]] = []

    def see(self, identity: UUID, kind: str, value: str, at: datetime) -> None:
        """An identity was met."""
        self.kinds[identity], self.names[identity] = kind, (kind, value)
        self.first_seen[identity] = min(at, self.first_seen.get(identity, at))
        if self.guards.blocks(kind, value):
            self.blocked.add(identity)

    def say(self, one: UUID, other: UUID, kind: str, at: datetime, event: str = "") -> None:
        """Somebody says in an event that two are one."""
        key = (min(one, other), max(one, other), kind)
        if one == other or self.taken_back(key, at):
            return
        if kind == "operator":
            # An operator speaks in the present, and again only to be heard.
            if key not in self.said or key not in self.worked_out().accepted:
                self.said[key] = at, event
        else:
            self.said[key] = min((at, event), self.said.get(key, (at, event)))

    def taken_back(self, key: Key, at: datetime) -> bool:
        """Whether an operator has taken back all that was said of a link up to a time."""
        return key in self.retracted and at <= self.retracted[key]

    def retract(self, key: Key, at: datetime) -> None:
        """An operator takes a link back: the two are two."""
        del self.said[key]
        self.retracted[key] = at
        self.words.append([CannotLink(key[0], key[1], at)])

    def split(self, part: Collection[UUID], rest: Collection[UUID], at: datetime) -> set[Key]:
        """An operator says that `part` is another customer than `rest`; the links taken back."""
        across = {each for each in self.worked_out().accepted if len({each[0] in part, each[1] in part}) == 2}
        across = {each for each in across if {each[0], each[1]} <= {*part, *rest}}
        calls: dict[tuple[datetime, str], set[UUID]] = {}
        for key in across:
            if key[2] == "same_call":
                calls.setdefault(self.said[key], set()).update({key[0], key[1]} & {*rest})
            del self.said[key]
            self.retracted[key] = at
        self.words.append([CannotLink(min(pair), max(pair), at) for pair in product(part, rest)])
        ordered = sorted(part)
        for one, other in pairwise(ordered):
            self.say(one, other, "operator", at)
        for (seen_at, event), seen in calls.items():
            strongest = min(seen, key=lambda each: (strength(self.kinds[each]), each))
            for other in seen:
                self.say(strongest, other, "same_call", seen_at, event)
        return across

    def withdraw(self, word: int) -> None:
        """An operator no longer keeps two sides apart."""
        del self.words[word]

    def person_of(self, asked: UUID) -> tuple[set[UUID], set[UUID]]:
        """What belongs to the customer of an identity alone, and what evidence ties to others too."""
        now = self.worked_out()
        everything = next(group for group in now.groups if asked in group)
        shared = {
            end
            for key in self.said.keys() - (now.kept_apart - now.accepted)
            for end in key[:2]
            if len({*key[:2]} & everything) == 1 and end in everything - {asked}
        }
        return everything - shared, shared

    def erase(self, asked: UUID) -> tuple[set[UUID], set[UUID]]:
        """A customer goes, with all that was said of them; what others have too is known since these brought it."""
        own, shared = self.person_of(asked)
        self.said = {key: each for key, each in self.said.items() if own.isdisjoint(key[:2])}
        self.retracted = {key: each for key, each in self.retracted.items() if own.isdisjoint(key[:2])}
        left = [[each for each in word if own.isdisjoint({each.a, each.b})] for word in self.words]
        self.words = [word for word in left if word]
        self.blocked -= own
        for each in own:
            del self.kinds[each], self.first_seen[each]
        for each in shared:
            times = {key: at for key, (at, _) in self.said.items()}
            self.first_seen[each] = min(at for key, at in times.items() if each in key)
        return own, shared

    def worked_out(self) -> Plain:
        """Groups and accepted links."""
        edges = [Edge(at, kind, a, b) for (a, b, kind), (at, _) in self.said.items()]
        apart = [each for word in self.words for each in word]
        return Plain(self.kinds, self.blocked, apart, self.guards).take(edges)

    def customers(self) -> dict[frozenset[UUID], UUID]:
        """The identities of each customer, and the one known longest, whose profile id it goes by."""
        return {
            frozenset(group): min(group, key=lambda each: (self.first_seen[each], each))
            for group in self.worked_out().groups
        }
