"""What a decision changes in the tables, and how it is told to those who follow the feed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import asyncpg
from rapport.feed import Event

from profile_service.ledger.decision import Decision
from profile_service.ledger.records import Case, Key, LinkRow, Outcome, Plan, Times
from profile_service.ledger.rules import Verdict, survivor

ASSIGNMENTS_PER_EVENT: Final = 500


@dataclass(slots=True)
class Changes:
    """Profile of every identity involved `after`; stored ones `moved`; times of all to widen; links decided anew."""

    after: dict[UUID, UUID]
    moved: dict[UUID, UUID] = field(default_factory=dict)
    times: dict[UUID, Times] = field(default_factory=dict)
    links: list[tuple[LinkRow, Verdict, datetime, str | None]] = field(default_factory=list)


def changes_of(case: Case, decision: Decision, seeds: Mapping[UUID, UUID]) -> Changes:
    """Compare a decision with what is stored; `seeds` are the profile ids that new identities bring."""
    stored = case.view.identities
    changes = Changes(after=_names(case, decision, seeds), times=_times(case, decision))
    changes.moved = {
        identity: changes.after[identity]
        for identity, row in stored.items()
        if changes.after[identity] != row.profile_id
    }
    for key, link in case.view.links.items():
        verdict, older = decision.verdicts.get(key), decision.older.get(key)
        if verdict is None or key in decision.fresh:
            continue
        state = "accepted" if verdict.accepted else "held"
        if older is not None:
            changes.links.append((link, verdict, older.evidence_at, older.event_id))
        elif (state, verdict.guards) != (link.state, tuple(link.guards)):
            changes.links.append((link, verdict, link.evidence_at, link.event_id))
    return changes


def _names(case: Case, decision: Decision, seeds: Mapping[UUID, UUID]) -> dict[UUID, UUID]:
    stored, after = case.view.identities, {}
    for members in decision.components:
        oldest = survivor({each: _first_seen(case, each) for each in members})
        name = stored[oldest].seed_profile_id if oldest in stored else seeds[oldest]
        after.update(dict.fromkeys(members, name))
    return after


def _first_seen(case: Case, identity: UUID) -> datetime:
    row, sighting = case.view.identities.get(identity), case.met.get(identity)
    if row is None:
        return case.met[identity].seen_at
    return row.first_seen if sighting is None else min(row.first_seen, sighting.seen_at)


def _times(case: Case, decision: Decision) -> dict[UUID, Times]:
    last: dict[UUID, datetime] = {}
    for evidence in decision.fresh.values():
        for end in (evidence.a, evidence.b):
            last[end] = max(last.get(end, evidence.evidence_at), evidence.evidence_at)
    first = {
        identity: each.seen_at
        for identity, each in case.met.items()
        if (row := case.view.identities.get(identity)) is not None and each.seen_at < row.first_seen
    }
    return {each: (first.get(each), last.get(each)) for each in {*first, *last}}


def events_of(
    case: Case, decision: Decision, changes: Changes, outcome: Outcome, assigned: Sequence[asyncpg.Record]
) -> list[Event]:
    """The change as events: assignments first, so that who reads on knows the profiles named after them."""
    now = datetime.now(UTC)
    return [
        *assignment_events(now, assigned),
        *_profile_events(now, case, outcome),
        *_link_events(now, case.plan, decision, changes, outcome),
    ]


def assignment_events(now: datetime, assigned: Sequence[asyncpg.Record]) -> Iterable[Event]:
    for start in range(0, len(assigned), ASSIGNMENTS_PER_EVENT):
        assignments = [
            {
                "identity_id": str(each["identity_id"]),
                "kind": each["kind"],
                "profile_id": str(each["profile_id"]),
                "seed_profile_id": str(each["seed_profile_id"]),
                "version": each["version"],
            }
            for each in assigned[start : start + ASSIGNMENTS_PER_EVENT]
        ]
        yield Event(type="identity.assigned", time=now, data={"assignments": assignments})


def _profile_events(now: datetime, case: Case, outcome: Outcome) -> Iterable[Event]:
    came_from: dict[UUID, set[UUID]] = defaultdict(set)
    went_to: dict[UUID, set[UUID]] = defaultdict(set)
    for identity, profile in outcome.after.items():
        sources = came_from[profile]
        if (before := outcome.before.get(identity)) is not None:
            sources.add(before)
            went_to[before].add(profile)
    kinds = {outcome.after[each]: case.met[each].profile_kind for each in outcome.created}
    data: dict[str, object]
    for profile, sources in came_from.items():
        if not sources:
            data = {"profile_id": str(profile), "kind": kinds.get(profile) or "person", "created_at": now}
            yield Event(type="profile.created", time=now, subject=str(profile), data=data)
        elif absorbed := sorted(str(each) for each in sources if each not in came_from):
            data = {"profile_id": str(profile), "absorbed": absorbed}
            yield Event(type="profile.merged", time=now, subject=str(profile), data=data)
    for profile, parts in went_to.items():
        if len(parts) > 1:
            data = {"profile_id": str(profile), "into": sorted(map(str, parts))}
            yield Event(type="profile.split", time=now, subject=str(profile), data=data)


def _link_events(now: datetime, plan: Plan, decision: Decision, changes: Changes, outcome: Outcome) -> Iterable[Event]:
    for link in plan.retract:
        if link.state == "accepted":
            yield _link_event("identity.unlinked", now, link.key, link.link_id, plan.reason)
    for link, verdict, _, _ in changes.links:
        if verdict.accepted is not (link.state == "accepted"):
            name = "identity.linked" if verdict.accepted else "identity.unlinked"
            yield _link_event(name, now, link.key, link.link_id, " ".join(verdict.guards) or None)
    for key, evidence in decision.fresh.items():
        if decision.verdicts[key].accepted:
            yield _link_event("identity.linked", now, key, outcome.link_ids[key], evidence.reason)


def _link_event(name: str, now: datetime, key: Key, link_id: UUID, reason: str | None) -> Event:
    a, b, kind = key
    data = {"link_id": str(link_id), "a": str(a), "b": str(b), "kind": kind, "reason": reason}
    return Event(type=name, time=now, subject=str(link_id), data=data)
