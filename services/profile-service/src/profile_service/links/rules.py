"""What it takes to say that identities are one customer, and to split a profile. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from itertools import pairwise, product
from uuid import UUID

from rapport.identity import strength

from profile_service.ledger.records import Evidence, LinkRow, Plan, View
from profile_service.ledger.rules import OPERATOR


def say(view: View, pairs: Iterable[tuple[UUID, UUID]], by: str, reason: str | None) -> Plan:
    """A plan that makes an operator's word hold: each of these pairs is one customer.

    Said before and held since, by somebody's later word, it is said anew.
    """
    evidence = [Evidence(a, b, OPERATOR, by, view.now, reason=reason) for a, b in pairs]
    standing = [view.links[each.edge.key] for each in evidence if each.edge.key in view.links]
    again = [link for link in standing if link.state == "held"]
    return Plan(evidence, again, at=view.now, by=by, reason="said again")


def split(view: View, part: Collection[UUID], rest: Collection[UUID], by: str, reason: str | None) -> Plan:
    """A plan that takes `part` away from `rest` and keeps it together, by the operator's word.

    Every pair across is kept apart, so that no evidence in the ledger, on whatever way around, joins the two again.
    Others seen in one call stay evidence of each other, though they hung together by a link across.
    """
    across = [
        link
        for link in view.links.values()
        if link.state == "accepted"
        and ((link.a in part) is not (link.b in part))
        and {link.a, link.b} <= {*part, *rest}
    ]
    together = say(view, pairwise(sorted(part)), by, reason or "kept together in a split")
    return Plan(
        together.evidence + _still_seen_together(view, across, rest),
        together.retract + across,
        list(product(part, rest)),
        view.now,
        by,
        reason,
    )


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
