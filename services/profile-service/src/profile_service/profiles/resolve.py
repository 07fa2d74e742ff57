"""Recognition: which customer these identifiers mean."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from rapport.database import Connection
from rapport.identity import Identifier, confidence, identity_id, strongest

from profile_service.ledger.guards import Guards
from profile_service.ledger.providers import mailbox
from profile_service.ledger.records import Evidence, Outcome, Plan, Sighting, View
from profile_service.ledger.repository import Reader
from profile_service.ledger.rules import BLOCKED_VALUE
from profile_service.ledger.service import record
from profile_service.profiles import repository
from profile_service.profiles.errors import NobodyKnown
from profile_service.profiles.rules import Match, match

OTHER_PROFILE = "other_profile"


@dataclass(frozen=True, slots=True)
class Conflict:
    """An identifier that does not count, whose it is if anybody's, and why."""

    identifier: Identifier
    profile_id: UUID | None
    reason: str


@dataclass(frozen=True, slots=True)
class Resolution:
    """Whom identifiers mean; `confidence` 0 to 1."""

    profile_id: UUID
    confidence: float
    created: bool
    matched: list[Identifier]
    conflicts: list[Conflict]


async def recognise(reader: Reader, guards: Guards, identifiers: list[Identifier]) -> tuple[Resolution | None, bool]:
    """Whom the identifiers mean as far as known, and whether all of them are known that count."""
    if len(identifiers) == 1:
        # The common case by far: nothing to weigh.
        only = identifiers[0]
        found = await repository.known(reader, [identity_id(only.kind, only.value)])
        for profile in found.values():
            return Resolution(profile, confidence(only.kind), created=False, matched=identifiers, conflicts=[]), True
        if not guards.email_provider_rules:
            return None, False
    ids = {identity_id(each.kind, each.value): each for each in identifiers}
    found = await repository.known(reader, list(ids))
    profiles = {ids[each]: profile for each, profile in found.items()}
    blocked = _blocked(guards, identifiers)
    spelt = await _spelt_otherwise(reader, guards, [each for each in identifiers if each not in {*profiles, *blocked}])
    matched = match(identifiers, profiles | spelt, blocked)
    if matched.profile_id is None:
        return None, False
    return _resolution(matched, created=False, reasons={}), not (matched.unknown or spelt)


async def _spelt_otherwise(reader: Reader, guards: Guards, unknown: Iterable[Identifier]) -> dict[Identifier, UUID]:
    """Profiles of the mailboxes that e-mail addresses not met before go to."""
    if not guards.email_provider_rules:
        return {}
    boxes = {each: mailbox(each) for each in unknown}
    ids = {each: identity_id(box.kind, box.value) for each, box in boxes.items() if box is not None}
    found = await repository.known(reader, list(ids.values())) if ids else {}
    return {each: found[box] for each, box in ids.items() if box in found}


async def recognise_or_create(connection: Connection, guards: Guards, identifiers: list[Identifier]) -> Resolution:
    """Whom the identifiers mean; those unknown are linked to the one known, or make a new profile together."""
    blocked = _blocked(guards, identifiers)
    counted = {identity_id(each.kind, each.value): each for each in identifiers if each not in blocked}
    if not counted:
        counted = {identity_id(each.kind, each.value): each for each in identifiers}

    def plan(view: View) -> Plan:
        known = {counted[each]: row.profile_id for each, row in view.identities.items() if each in counted}
        found = match(identifiers, known, blocked)
        return Plan(_evidence(strongest(found.matched or counted.values()), found.unknown, view.now))

    outcome = await record(connection, guards, [Sighting.of(each) for each in counted.values()], plan)
    found = match(identifiers, {each: outcome.after[identity] for identity, each in counted.items()}, blocked)
    created = found.profile_id not in outcome.before.values()
    return _resolution(found, created=created, reasons=_reasons(counted, outcome))


def required(resolution: Resolution | None) -> Resolution:
    """The resolution; raises `NobodyKnown` when there is none."""
    if resolution is None:
        raise NobodyKnown('Send "create": true to make a profile for them.')
    return resolution


def _evidence(hub: Identifier, others: Iterable[Identifier], now: datetime) -> list[Evidence]:
    centre = identity_id(hub.kind, hub.value)
    return [
        Evidence(
            centre,
            identity_id(each.kind, each.value),
            "same_call",
            "resolve",
            now,
            confidence=min(confidence(hub.kind), confidence(each.kind)),
        )
        for each in others
        if each != hub
    ]


def _blocked(guards: Guards, identifiers: Iterable[Identifier]) -> set[Identifier]:
    return {each for each in identifiers if guards.blocks(each.kind, each.value)}


def _reasons(counted: Mapping[UUID, Identifier], outcome: Outcome) -> dict[Identifier, str]:
    """What keeps identifiers of this call from others of it, as far as it was tried."""
    found: dict[Identifier, str] = {}
    for (a, b, _), guards in outcome.held.items():
        if a in counted and b in counted:
            found[counted[a]] = found[counted[b]] = " ".join(guards)
    return found


def _resolution(found: Match, *, created: bool, reasons: Mapping[Identifier, str]) -> Resolution:
    if found.profile_id is None:
        raise ValueError("nobody is meant")
    conflicts = [Conflict(each, profile, reasons.get(each, OTHER_PROFILE)) for each, profile in found.others]
    conflicts += [Conflict(each, None, BLOCKED_VALUE) for each in found.blocked]
    return Resolution(found.profile_id, found.confidence, created, found.matched, conflicts)
