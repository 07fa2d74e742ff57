"""Following interaction-service: who was seen with whom, what customers said of themselves, what they allow."""

import logging
import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from rapport import feed
from rapport.database import Connection
from rapport.feed import ReceivedEvent
from rapport.identity import STRENGTH

from profile_service.activity import repository as activity
from profile_service.activity.rules import Kind, Span, together
from profile_service.attributes.rules import Catalogue
from profile_service.attributes.service import catalogue, sort_out
from profile_service.consents.rules import Entry, Status
from profile_service.consents.service import note
from profile_service.consumers.metrics import REJECTED
from profile_service.consumers.touchpoints import RECORDED, Heard, Identified, Touchpoint, read
from profile_service.facts import repository as facts
from profile_service.facts.repository import NewFact
from profile_service.facts.service import told
from profile_service.facts.traits import InvalidTrait, flatten, normalise_traits
from profile_service.ledger import repository as ledger
from profile_service.ledger.records import Evidence, Plan, Sighting, View
from profile_service.ledger.service import record
from profile_service.ledger.views import said_at
from profile_service.policy import Policy

_log = logging.getLogger(__name__)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
_identified = msgspec.json.Decoder(Identified).decode

# The collector's clients name some traits in their own way.
_NAMES: Final = {
    "firstName": "given_name",
    "first_name": "given_name",
    "lastName": "family_name",
    "last_name": "family_name",
    "name": "display_name",
    "birthday": "birth_date",
    "locale": "language",
    "timezone": "time_zone",
    "address.postalCode": "address.postcode",
    "address.postal_code": "address.postcode",
    "address.zip": "address.postcode",
    "address.state": "address.region",
}
# These are identifiers, which the touchpoint carries as such.
_IDENTIFIERS: Final = frozenset(STRENGTH) - {"email", "phone"}


async def apply(connection: Connection, policy: Policy, events: Sequence[ReceivedEvent]) -> None:
    """Take a batch of events. Touchpoints of one known identity cost a look-up for the whole batch."""
    heard = Heard()
    identified: list[Touchpoint] = []
    done: list[tuple[UUID, Kind, Span]] = []
    for event in events:
        if event.type == RECORDED:
            touchpoint = read(event)
            heard.take(touchpoint)
            done += touchpoint.activities()
            if touchpoint.type == "identify":
                identified.append(touchpoint)
    await _recognise(connection, policy, heard)
    await activity.note(connection, together(done))
    if identified:
        await _learn(connection, policy, identified)


async def _recognise(connection: Connection, policy: Policy, heard: Heard) -> None:
    """Record what is new: identities not known, or not so early, and links not said before, or not so early."""
    known = await ledger.first_seen_of(connection, heard.sightings)
    standing, retracted = await said_at(connection, heard.evidence)
    sightings = {
        identity: each
        for identity, each in heard.sightings.items()
        if identity not in known or each.seen_at < known[identity]
    }
    evidence = []
    for key, said in heard.evidence.items():
        counting = [each for each in said if key not in retracted or each.evidence_at > retracted[key]]
        earliest = min(counting, key=lambda each: each.evidence_at, default=None)
        if earliest is not None and (key not in standing or earliest.evidence_at < standing[key]):
            evidence.append(earliest)
    for each in evidence:
        for end in (each.a, each.b):
            sightings.setdefault(end, heard.sightings[end])
    if sightings or heard.aliases:
        await _record(connection, policy, heard, sightings, evidence)


async def _record(
    connection: Connection, policy: Policy, heard: Heard, sightings: dict[UUID, Sighting], evidence: list[Evidence]
) -> None:
    for aliases in heard.aliases.values():
        for each in aliases:
            sightings.setdefault(each.a, heard.sightings[each.a])

    def plan(view: View) -> Plan:
        logins = [
            each
            for login, said in heard.aliases.items()
            if login in view.identities or login in sightings
            for each in said
        ]
        return Plan(evidence=[*evidence, *logins])

    await record(connection, policy.guards, sightings.values(), plan, also=list(heard.aliases))


async def _learn(connection: Connection, policy: Policy, identified: Collection[Touchpoint]) -> None:
    """Keep traits as facts that the customer stated, and consent as the client's preference dialogue gave it."""
    new_facts: list[NewFact] = []
    entries: list[Entry] = []
    told_of = [(touchpoint, data) for touchpoint in identified if (data := _read(touchpoint)) is not None]
    defined = await catalogue(connection, dict.fromkeys(_NAMES.values()), *(data.traits or {} for _, data in told_of))
    for touchpoint, data in told_of:
        new_facts += _facts(touchpoint, data.traits or {}, policy, defined)
        if data.consent is not None:
            entries += _consents(touchpoint, data.consent.category_preferences)
    kept = await facts.tell(connection, new_facts)
    if kept:
        profiles = await ledger.profiles_of(connection, {each.identity_id for each in kept})
        keys: dict[UUID, set[str]] = {}
        for each in kept:
            keys.setdefault(profiles[each.identity_id], set()).add(each.key)
        now = datetime.now(UTC)
        await feed.append(connection, [told(profile, names, now) for profile, names in keys.items()])
    if entries:
        await note(connection, entries)


def _read(touchpoint: Touchpoint) -> Identified | None:
    try:
        return _identified(touchpoint.data)
    except msgspec.MsgspecError:
        REJECTED.labels("identify").inc()
        _log.warning("identify %s is not as agreed and adds no traits", touchpoint.touchpoint_id)
        return None


def _facts(touchpoint: Touchpoint, traits: dict[str, Any], policy: Policy, defined: Catalogue) -> list[NewFact]:
    try:
        given = flatten(traits, whole=defined.whole)
        flat = {_NAMES.get(key, key): value for key, value in given.items() if key not in _IDENTIFIERS}
        valid, invalid = normalise_traits(flat, policy.country)
        valid, unfit = sort_out(defined, valid)
        invalid += unfit
    except InvalidTrait as error:
        valid, invalid = {}, [error]
    if invalid:
        REJECTED.labels("trait").inc(len(invalid))
        # Keys alone: the values are somebody's.
        _log.warning("identify %s: not valid: %s", touchpoint.touchpoint_id, ", ".join(each.key for each in invalid))
    return [
        NewFact(touchpoint.identity_id, key, value, "stated", touchpoint.source, touchpoint.occurred_at)
        for key, value in valid.items()
    ]


def _consents(touchpoint: Touchpoint, preferences: dict[str, Any]) -> list[Entry]:
    found: list[Entry] = []
    at = touchpoint.occurred_at
    for category, allowed in preferences.items():
        channel, _, purpose = category.partition("_")
        if not (isinstance(allowed, bool) and _NAME.match(channel) and _NAME.match(purpose)):
            REJECTED.labels("consent").inc()
            continue
        status: Status = "granted" if allowed else "denied"
        basis = "consent" if allowed else None
        found.append(Entry(touchpoint.identity_id, channel, purpose, status, basis, touchpoint.source, None, at, at))
    return found
