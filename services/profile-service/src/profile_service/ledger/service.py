"""Recording evidence and operators' words, and keeping the map from identities to profiles true to them."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from rapport import feed
from rapport.database import Connection
from rapport.identity import identity_id

from profile_service.ledger import providers, repository, views, writes
from profile_service.ledger.changes import changes_of, events_of
from profile_service.ledger.decision import Decision, decide
from profile_service.ledger.guards import Guards
from profile_service.ledger.records import NOW, Case, Evidence, Outcome, Plan, Sighting, View
from profile_service.ledger.rules import Verdict

_FEW: Final = 20  # identities of one call, not of a batch of events


async def record(
    connection: Connection,
    guards: Guards,
    sightings: Iterable[Sighting],
    plan: Callable[[View], Plan],
    *,
    also: Collection[UUID] = (),
    deep: Collection[UUID] = (),
    beside: Collection[UUID] = (),
) -> Outcome:
    """Make sure that the identities sighted exist, carry out `plan`, and announce what changed.

    Sightings at `NOW` are dated when all that they touch is under lock; the mailboxes of e-mail addresses are sighted
    too if `guards` say so. `plan` sees the profiles of all identities sighted and of those in `also` as they are then,
    and whole clusters of evidence around `deep`; it may be asked more than once. Identities `beside` are locked too and
    not looked at. To be called at most once a transaction, which must hold no locks of the ledger yet: all are taken
    here, in order, so that no two callers can wait for each other.
    """
    sightings, boxes = providers.with_mailboxes(sightings, guards)
    whole, past = set(deep), False
    claim = _Claim(connection)
    await claim.covers({*(each.identity_id for each in sightings), *also, *beside})
    while True:
        met = _earliest(sightings, claim.since)
        view, planned = await _look(connection, met, also, whole, claim.since, _with_mailboxes(plan, met, boxes))
        if not await claim.covers({*met, *also, *beside, *(row.profile_id for row in view.identities.values())}):
            continue
        if past:
            await views.add_past(connection, view)
        case = Case(view, met, planned, guards)
        decision = decide(case)
        if isinstance(decision, Decision):
            return await _write(connection, case, decision)
        whole |= decision.whole
        past = True


def _with_mailboxes(
    plan: Callable[[View], Plan], met: Mapping[UUID, Sighting], boxes: Mapping[UUID, Sighting]
) -> Callable[[View], Plan]:
    """`plan`, and what e-mail addresses say by the rules of their providers."""
    if not boxes:
        return plan

    def both(view: View) -> Plan:
        planned = plan(view)
        planned.evidence += providers.evidence(view, met, boxes)
        return planned

    return both


class _Claim:
    """Locks on parts of the ledger; to claim others it first lets go of those it has."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._stripes: set[int] = set()
        self.since = datetime.now(UTC)

    async def covers(self, ids: Collection[UUID]) -> bool:
        """True when the locks for `ids` were held already; otherwise they are now, and what was read is out of date."""
        if self._stripes.issuperset(map(repository.stripe_of, ids)):
            return True
        await (repository.let_go if self._stripes else repository.begin)(self._connection)
        self._stripes, self.since = await repository.lock(self._connection, ids)
        return False


def _earliest(sightings: Iterable[Sighting], now: datetime) -> dict[UUID, Sighting]:
    met: dict[UUID, Sighting] = {}
    for sighting in sightings:
        each = sighting if sighting.seen_at is not NOW else replace(sighting, seen_at=now)
        known = met.get(each.identity_id)
        if known is None or each.seen_at < known.seen_at:
            met[each.identity_id] = each
    return met


async def _look(
    connection: Connection,
    met: dict[UUID, Sighting],
    also: Collection[UUID],
    deep: Collection[UUID],
    now: datetime,
    plan: Callable[[View], Plan],
) -> tuple[View, Plan]:
    asked = {*met, *also}
    if len(asked) <= _FEW and asked.issuperset(deep):
        logins = (each.value for each in met.values() if each.kind == "user_id")
        names = {identity_id("anonymous_id", login) for login in logins}
        alone = await views.view_if_alone(connection, asked, deep, names - asked)
        if alone is not None:
            alone.now = now
            return alone, plan(alone)
    view = await views.view_of(connection, asked, deep)
    aliases = await _late_aliases(connection, view, met)
    if aliases:
        ends = {end for each in aliases for end in (each.a, each.b)}
        view = await views.view_of(connection, asked | ends, deep)
    view.now = now
    planned = plan(view)
    planned.evidence += aliases
    if planned.evidence or planned.retract or deep:
        await views.add_evidence_context(connection, view, planned.evidence)
    return view, planned


async def _late_aliases(connection: Connection, view: View, met: dict[UUID, Sighting]) -> list[Evidence]:
    """What earlier aliases said of a login that turns up only now: then its name stood for an anonymous id."""
    logins = [each for each in met.values() if each.kind == "user_id" and each.identity_id not in view.identities]
    names = {identity_id("anonymous_id", each.value): each.identity_id for each in logins}
    if not names:
        return []
    found = await repository.aliases_to(connection, names)
    firsts = [replace(each, a=names[each.a]) for each in found if each.a in names]
    return firsts + [replace(each, b=names[each.b]) for each in found if each.b in names]


async def _write(connection: Connection, case: Case, decision: Decision) -> Outcome:
    seeds = await _seeds(connection, case)
    changes = changes_of(case, decision, seeds)
    rows = [
        (
            each.identity_id,
            each.kind,
            each.value,
            seeds[each.identity_id],
            changes.after[each.identity_id],
            each.profile_kind,
            case.guards.blocks(each.kind, each.value),
            each.seen_at,
            changes.times.get(each.identity_id, (None, None))[1],
        )
        for each in case.new
    ]
    assigned = await writes.insert_identities(connection, rows)
    known = {identity: times for identity, times in changes.times.items() if identity in case.view.identities}
    assigned += await writes.update_identities(connection, changes.moved, known)
    await writes.retract(connection, case.plan)
    link_ids = await writes.insert_links(
        connection, [(evidence, decision.verdicts[key]) for key, evidence in decision.fresh.items()]
    )
    await writes.change_links(connection, changes.links)
    outcome = _outcome(case, decision, changes.after, link_ids)
    await feed.append(connection, events_of(case, decision, changes, outcome, assigned))
    return outcome


async def _seeds(connection: Connection, case: Case) -> dict[UUID, UUID]:
    seeds = case.view.seeds | {each.identity_id: each.seed for each in case.new if each.seed is not None}
    rest = [each.identity_id for each in case.new if each.identity_id not in seeds]
    if rest:
        seeds.update(zip(rest, await repository.new_profile_ids(connection, len(rest)), strict=True))
    return seeds


def _outcome(
    case: Case, decision: Decision, after: dict[UUID, UUID], link_ids: dict[tuple[UUID, UUID, str], UUID]
) -> Outcome:
    standing = {key: link.link_id for key, link in case.view.links.items()}

    def with_guards(verdict: Verdict, *, accepted: bool) -> bool:
        return verdict.accepted is accepted and bool(verdict.guards)

    verdicts = decision.verdicts.items()
    return Outcome(
        before={identity: row.profile_id for identity, row in case.view.identities.items()},
        after=after,
        link_ids=standing | link_ids,
        held={key: each.guards for key, each in verdicts if with_guards(each, accepted=False)},
        overridden={key: each.guards for key, each in verdicts if with_guards(each, accepted=True)},
        created=frozenset(each.identity_id for each in case.new),
    )
