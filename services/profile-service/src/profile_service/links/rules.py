"""What it takes to split a profile. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from itertools import pairwise, product
from uuid import UUID

from rapport.identity import strength

from profile_service.ledger.guards import Guards
from profile_service.ledger.records import Evidence, LinkRow, Plan, View
from profile_service.ledger.rules import OPERATOR, Forest, Node

_FREE = Guards(maximum={}, identities=1 << 60, blocked=frozenset())


def split(
    view: View, part: Collection[UUID], rest: Collection[UUID], by: str, reason: str | None, at: datetime
) -> Plan:
    """A plan that takes `part` away from `rest` and keeps it together.

    Every pair across is kept apart, so that no evidence in the ledger, on whatever way around, joins the two again.
    What was seen in one call stays evidence within each side, though it hung together by a link across.
    """
    across = [
        link
        for link in view.links.values()
        if link.state == "accepted"
        and ((link.a in part) is not (link.b in part))
        and {link.a, link.b} <= {*part, *rest}
    ]
    evidence = [each for side in (part, rest) for each in _still_seen_together(view, across, side)]
    inside = [link for link in view.links.values() if link.state == "accepted" and link.a in part and link.b in part]
    glue = _glue(view, part, [(each.a, each.b) for each in inside] + [(each.a, each.b) for each in evidence])
    evidence += [Evidence(a, b, OPERATOR, by, at, reason=reason or "kept together in a split") for a, b in glue]
    return Plan(evidence, across, list(product(part, rest)), at, by, reason)


def _still_seen_together(view: View, across: Iterable[LinkRow], side: Collection[UUID]) -> list[Evidence]:
    calls: dict[tuple[str, str | None, datetime], set[UUID]] = defaultdict(set)
    for link in across:
        if link.kind == "same_call":
            calls[link.source, link.event_id, link.evidence_at].update({link.a, link.b} & {*side})
    found = []
    for (source, event_id, at), seen in calls.items():
        ranked = sorted(seen, key=lambda each: (strength(view.identities[each].kind), each))
        found += [Evidence(ranked[0], each, "same_call", source, at, event_id) for each in ranked[1:]]
    return found


def _glue(view: View, part: Collection[UUID], pairs: Iterable[tuple[UUID, UUID]]) -> list[tuple[UUID, UUID]]:
    """Pairs that join what `pairs` leave apart."""
    forest = Forest([Node(each, view.identities[each].kind) for each in part], (), _FREE)
    for pair in pairs:
        if pair[0] in part and pair[1] in part:
            forest.join(pair)
    return list(pairwise(sorted(min(members) for members in forest.components())))
