"""A ledger in memory, and made-up evidence for it."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import strategies as st
from profile_service.ledger.changes import changes_of
from profile_service.ledger.decision import Decision, decide
from profile_service.ledger.guards import Guards
from profile_service.ledger.records import Case, Evidence, IdentityRow, LinkRow, Plan, Sighting, View
from profile_service.ledger.rules import CannotLink, Edge, Node, Verdict

START = datetime(2026, 1, 1, tzinfo=UTC)
GUARDS = Guards(maximum={"user_id": 1, "email": 2}, identities=5, never_join=frozenset({"kiosk"}))
KINDS = ("user_id", "email", "device_id", "anonymous_id", "kiosk")


def moment(number: int) -> datetime:
    """A time, later for greater numbers."""
    return START + timedelta(minutes=number)


def identity(number: int) -> UUID:
    """The identity of a number."""
    return UUID(int=number + 1)


def seed(identity_id: UUID) -> UUID:
    """The profile id that an identity brings, in no relation to the order of identities."""
    return UUID(int=identity_id.int * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128)


numbers = st.integers(0, 7)
kinds_of_nodes = st.lists(st.sampled_from(KINDS), min_size=8, max_size=8)
blocked_nodes = st.frozensets(numbers, max_size=1)
pairs = st.tuples(numbers, numbers).filter(lambda pair: pair[0] < pair[1])


@st.composite
def edges(draw: st.DrawFn) -> Edge:
    """A piece of evidence."""
    a, b = draw(pairs)
    kind = draw(st.sampled_from(["same_call", "same_call", "same_call", "alias", "operator"]))
    return Edge(moment(draw(st.integers(0, 12))), kind, identity(a), identity(b))


@st.composite
def cannot_links(draw: st.DrawFn) -> CannotLink:
    """An operator's word that two are not one."""
    a, b = draw(pairs)
    return CannotLink(identity(a), identity(b), moment(draw(st.integers(0, 12))))


def nodes_of(kinds: Sequence[str], blocked: Iterable[int] = ()) -> list[Node]:
    """Eight identities of these kinds."""
    return [Node(identity(number), kind, number in set(blocked)) for number, kind in enumerate(kinds)]


class MemoryLedger:
    """Takes evidence piece by piece, as the service does, without a database."""

    def __init__(self, nodes: Sequence[Node], apart: Sequence[CannotLink]) -> None:
        self.nodes = {node.identity_id: node for node in nodes}
        self.apart = list(apart)
        self.identities: dict[UUID, IdentityRow] = {}
        self.links: dict[tuple[UUID, UUID, str], LinkRow] = {}
        self.read_in_depth = 0

    def record(self, edges: Sequence[Edge]) -> None:
        """Take a batch."""
        evidence = [Evidence(each.a, each.b, each.kind, "test", each.evidence_at) for each in edges]
        met: dict[UUID, Sighting] = {}
        for each in evidence:
            for end in (each.a, each.b):
                value = "null" if self.nodes[end].blocked else str(end.int)
                sighting = Sighting(end, self.nodes[end].kind, value, each.evidence_at)
                if end not in met or sighting.seen_at < met[end].seen_at:
                    met[end] = sighting
        deep: set[UUID] = set()
        past = False
        while True:
            view = self._view(set(met), deep, evidence)
            if past:
                self._add_past(view)
            case = Case(view, met, Plan(evidence=list(evidence)), GUARDS)
            decision = decide(case)
            if isinstance(decision, Decision):
                break
            self.read_in_depth += bool(decision.whole)
            deep |= decision.whole
            past = True
        self._write(case, decision)

    def _view(self, ids: set[UUID], deep: set[UUID], evidence: Sequence[Evidence]) -> View:
        profiles = {self.identities[each].profile_id for each in ids if each in self.identities}
        view = View(identities={each: row for each, row in self.identities.items() if row.profile_id in profiles})
        reached = set(deep)
        while more := {end for key in self.links for end in key[:2] if reached & set(key[:2])} - reached:
            reached |= more
        view.identities.update({each: self.identities[each] for each in reached})
        view.deep = reached
        asked = {each.edge.key for each in evidence}
        view.links = {key: link for key, link in self.links.items() if key in asked or key[0] in reached}
        view.held = {end for key, link in self.links.items() if link.state == "held" for end in key[:2]}
        view.shared = {
            end
            for key, link in self.links.items()
            for end in key[:2]
            if link.state == "held" and f"shared:{self.nodes[end].kind}" in link.guards
        }
        view.cannot_links = list(self.apart)
        return view

    def _add_past(self, view: View) -> None:
        standing = self.links.values()
        view.past = True
        view.inside = [
            link.edge
            for link in standing
            if link.state == "accepted" and link.a in view.identities and link.b in view.identities
        ]
        for each in view.shared:
            guard = f"shared:{self.nodes[each].kind}"
            times = [link.evidence_at for link in standing if each in link.key[:2] and guard in link.guards]
            view.shared_since[each] = min(times)

    def _write(self, case: Case, decision: Decision) -> None:
        seeds = {each.identity_id: seed(each.identity_id) for each in case.new}
        changes = changes_of(case, decision, seeds)
        rows = {**case.view.identities}
        for each in case.new:
            rows[each.identity_id] = IdentityRow(
                each.identity_id, each.kind, each.value, seeds[each.identity_id], seeds[each.identity_id], None,
                GUARDS.blocks(each.kind, each.value), each.seen_at, None, START, START,
            )  # fmt: skip
        for each_id, row in rows.items():
            first, last = changes.times.get(each_id, (None, None))
            times = [each for each in (row.last_evidence_at, last) if each]
            self.identities[each_id] = IdentityRow(
                each_id, row.kind, row.value, row.seed_profile_id, changes.after[each_id], None, row.blocked,
                min(row.first_seen, first or row.first_seen), max(times, default=None), START, START,
            )  # fmt: skip
        for key, evidence in decision.fresh.items():
            self._link(key, evidence.evidence_at, decision.verdicts[key])
        for link, verdict, at, _ in changes.links:
            self._link(link.key, at, verdict)

    def _link(self, key: tuple[UUID, UUID, str], at: datetime, verdict: Verdict) -> None:
        state = "accepted" if verdict.accepted else "held"
        self.links[key] = LinkRow(UUID(int=0), *key, state, verdict.guards, at, None, "test")
