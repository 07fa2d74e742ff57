"""What a plan does to the part of the ledger at hand, or which identities must be read in depth to tell."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from profile_service.ledger.records import Case, Evidence, Key
from profile_service.ledger.rules import OPERATOR, Edge, Forest, Node, Verdict, partition


@dataclass(slots=True)
class Decision:
    """Components of all identities involved, verdicts on links, evidence that is new, links that prove to be older."""

    components: list[list[UUID]] = field(default_factory=list)
    verdicts: dict[Key, Verdict] = field(default_factory=dict)
    fresh: dict[Key, Evidence] = field(default_factory=dict)
    older: dict[Key, Evidence] = field(default_factory=dict)


@dataclass(slots=True)
class Unread:
    """What has to be read before a plan can be decided: the `past` of the profiles in view, and whole clusters."""

    past: bool = False
    whole: set[UUID] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Group:
    """Identities that any evidence at hand connects, and the new edges among them."""

    nodes: list[Node]
    edges: list[Edge]


def decide(case: Case) -> Decision | Unread:
    """The outcome of the plan, or what has to be read first.

    Evidence newer than all that its profiles rest on is tried on the present state. So is evidence whose outcome
    breaks no guard: then no part of it could have, and the order does not matter. Of other evidence the past of its
    profiles may tell that it would have changed nothing at its time, as with a device that many people use, late by a
    day. Anything else is decided again from the whole cluster, in the order of the evidence.
    """
    decision, unread = Decision(), Unread()
    _sort_out(case, decision)
    settled = _settle(case, decision)
    for group in _groups(case, decision, settled):
        inside = {node.identity_id for node in group.nodes}
        stored = inside & case.view.identities.keys()
        if not case.view.deep.isdisjoint(stored):
            unread.whole |= stored - case.view.deep
            _decide_whole(case, group, decision)
        elif any(a in inside and b in inside for a, b, _ in settled) or not _decide_on_top(case, group, decision):
            if case.view.past:
                unread.whole |= stored
            unread.past = True
    decision.verdicts.update(settled)
    return unread if unread.whole or unread.past else decision


def _settle(case: Case, decision: Decision) -> dict[Key, Verdict]:
    """Verdicts on evidence that is held and changes nothing by it, whatever else is decided now.

    Up to its time all went as it did, and nothing after it looks at a held link but to tell what is shared. Where that
    is known already, growing profiles only add to what speaks against it.
    """
    view, settled = case.view, dict[Key, Verdict]()
    if not view.past:
        return settled
    nodes, apart = {node.identity_id: node for node in case.nodes()}, case.cannot_links()
    for key, evidence in (*decision.fresh.items(), *decision.older.items()):
        edge = evidence.edge
        ends = (edge.a, edge.b)
        standing = view.links.get(key) if key in decision.older else None
        shared = {each for each, since in view.shared_since.items() if since < edge.evidence_at}
        telling = {end for end in ends if nodes[end].kind in case.guards.shared | case.guards.never_join} - {
            end for end in ends if nodes[end].blocked
        }
        if (
            edge.kind == OPERATOR
            or not view.deep.isdisjoint(ends)
            or (standing is not None and standing.state != "held")
            or not telling <= shared
        ):
            continue
        forest = Forest(nodes.values(), apart, case.guards, shared)
        for before in view.inside:
            if before < edge:
                forest.join((before.a, before.b))
        verdict = forest.add(edge)
        if not verdict.accepted:
            settled[key] = verdict
    return settled


def _sort_out(case: Case, decision: Decision) -> None:
    """Tell new evidence from what the ledger holds; of evidence for the same link the earliest counts.

    To retract a link is to retract all such evidence up to that time, delivered by then or not.
    """
    gone = {link.key for link in case.plan.retract}
    for evidence in case.plan.evidence:
        edge = evidence.edge
        if edge.a == edge.b or _taken_back(case, evidence):
            continue
        standing = case.view.links.get(edge.key) if edge.key not in gone else None
        if standing is not None and (standing.evidence_at <= evidence.evidence_at or edge.kind == OPERATOR):
            continue
        kept = decision.fresh if standing is None else decision.older
        if edge.key not in kept or evidence.evidence_at < kept[edge.key].evidence_at:
            kept[edge.key] = evidence


def _taken_back(case: Case, evidence: Evidence) -> bool:
    retractions = (case.view.retracted.get(key) for key in (evidence.edge.key, evidence.rests_on) if key is not None)
    return any(at is not None and evidence.evidence_at <= at for at in retractions)


def _groups(case: Case, decision: Decision, settled: Collection[Key]) -> list[_Group]:
    nodes = case.nodes()
    forest = Forest(nodes, (), case.guards)
    for members in case.profiles():
        forest.join(members)
    evidence = (*decision.fresh.values(), *decision.older.values())
    edges = [edge for each in evidence if (edge := each.edge).key not in settled]
    for edge in edges:
        forest.join((edge.a, edge.b))
    for link in (*case.view.links.values(), *case.plan.retract):
        if link.a in case.view.deep and link.b in case.view.deep:
            forest.join((link.a, link.b))
    by_id = {node.identity_id: node for node in nodes}
    inside: dict[UUID, list[Edge]] = {}
    for edge in edges:
        inside.setdefault(forest.component(edge.a)[0], []).append(edge)
    return [_Group([by_id[each] for each in members], inside.get(members[0], [])) for members in forest.components()]


def _decide_on_top(case: Case, group: _Group, decision: Decision) -> bool:
    """Add the group's edges to the profiles as they are; False when older evidence might be decided otherwise by it."""
    forest = Forest(group.nodes, case.cannot_links() if group.edges else (), case.guards, case.view.shared)
    profiles: dict[UUID, list[UUID]] = {}
    for node in group.nodes:
        if (row := case.view.identities.get(node.identity_id)) is not None:
            profiles.setdefault(row.profile_id, []).append(row.identity_id)
    for members in profiles.values():
        forest.join(members)
    verdicts = {edge.key: forest.add(edge) for edge in sorted(group.edges)}
    if group.edges and not (_order_free(case, group, forest, verdicts) or _newest(case, group, decision)):
        return False
    decision.verdicts.update(verdicts)
    decision.components += forest.components()
    return True


def _order_free(case: Case, group: _Group, forest: Forest, verdicts: Mapping[Key, Verdict]) -> bool:
    return (
        all(verdict.accepted for verdict in verdicts.values())
        and not any(node.identity_id in case.view.held for node in group.nodes)
        and all(forest.sound(members[0]) for members in forest.components())
    )


def _newest(case: Case, group: _Group, decision: Decision) -> bool:
    if any(edge.key in decision.older for edge in group.edges):
        return False
    rows = (case.view.identities.get(node.identity_id) for node in group.nodes)
    times = [row.last_evidence_at for row in rows if row is not None and row.last_evidence_at is not None]
    return not times or min(group.edges).evidence_at > max(times)


def _decide_whole(case: Case, group: _Group, decision: Decision) -> None:
    inside = {node.identity_id for node in group.nodes}
    replaced = {link.key for link in case.plan.retract} | {edge.key for edge in group.edges}
    standing = [
        link.edge
        for link in case.view.links.values()
        if link.a in inside and link.b in inside and link.key not in replaced
    ]
    found = partition(group.nodes, [*standing, *group.edges], case.cannot_links(), case.guards)
    decision.verdicts.update(found.verdicts)
    decision.components += found.components
