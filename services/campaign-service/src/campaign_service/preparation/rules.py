"""Who of an audience is in, and why the others are out."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from rapport.identity import InvalidIdentifier, identity_id, normalise

from campaign_service.clients.profiles import Permission, Person
from campaign_service.preparation.assignment import assign

CONTROL = "control"


class Address(NamedTuple):
    """Where a message goes, and the identity that it is."""

    identity_id: UUID
    value: str


class Verdict(NamedTuple):
    """One person of the audience: `reason` is `audience` for those who are in."""

    profile_id: UUID
    identity_id: UUID | None
    included: bool
    reason: str
    address: str | None = None
    person: Person | None = None


class Known(NamedTuple):
    """What this service itself knows against writing to somebody, by the profile id of today."""

    unsubscribed: frozenset[UUID]
    complaining: frozenset[UUID]
    addressed: frozenset[UUID]


def email_of(person: Person) -> Address | None:
    """The address to write to: the one in the file if the customer still has it, else the first of theirs."""
    owned: dict[UUID, str] = {}
    for identity in person.identities:
        if identity.kind == "email" and identity.value is not None:
            try:
                value = normalise("email", identity.value)
            except InvalidIdentifier:
                continue
            owned[identity_id("email", value)] = value
    preferred = person.traits.get("email")
    if isinstance(preferred, str):
        try:
            wanted = identity_id("email", normalise("email", preferred))
        except InvalidIdentifier:
            wanted = None
        if wanted in owned:
            return Address(wanted, owned[wanted])
    return next((Address(*each) for each in owned.items()), None)


def judge(
    asked: Sequence[UUID],
    people: Mapping[UUID, Person],
    permissions: Mapping[UUID, Permission],
    known: Known,
) -> list[Verdict]:
    """A verdict for each person asked for, in order; two ids of one customer count once."""
    verdicts: dict[UUID, Verdict] = {}
    addressed = set(known.addressed)
    for profile_id in asked:
        person = people.get(profile_id)
        current = person.current if person else profile_id
        if current in verdicts:
            continue
        verdict = _judge_one(current, person, permissions.get(profile_id), known, addressed)
        if verdict.included and verdict.identity_id is not None:
            addressed.add(verdict.identity_id)
        verdicts[current] = verdict
    return list(verdicts.values())


def _judge_one(
    profile_id: UUID,
    person: Person | None,
    permission: Permission | None,
    known: Known,
    addressed: set[UUID],
) -> Verdict:
    if person is None:
        return Verdict(profile_id, None, False, "unknown_profile")
    address = email_of(person)
    where = address.identity_id if address else None
    reason = _against(profile_id, where, permission, known, addressed)
    if address is None or reason is not None:
        return Verdict(profile_id, where, False, reason or "no_address")
    return Verdict(profile_id, where, True, "audience", address.value, person)


def _against(
    profile_id: UUID, where: UUID | None, permission: Permission | None, known: Known, addressed: set[UUID]
) -> str | None:
    """The weightiest reason to leave somebody out: their own word before what is merely impractical."""
    if profile_id in known.unsubscribed or where in known.unsubscribed:
        return "unsubscribed"
    if permission is None or not permission.allowed:
        return permission.reason if permission else "no_consent"
    if where is None:
        return "no_address"
    if profile_id in known.complaining or where in known.complaining:
        return "complaint_open"
    return "duplicate_address" if where in addressed else None


def planned_shares(control_share: float, variants: Sequence[Mapping[str, Any]]) -> list[tuple[str, float]]:
    """(arm, share of those included), control first if there is one; the shares add up to 1."""
    arms = [(str(each["name"]), float(each["weight"])) for each in variants] or [("treatment", 1.0)]
    total = sum(weight for _, weight in arms)
    treated = [(name, weight / total * (1 - control_share)) for name, weight in arms]
    return [(CONTROL, control_share), *treated] if control_share > 0 else treated


def arms_of(verdicts: Sequence[Verdict], salt: int, shares: Sequence[tuple[str, float]]) -> dict[UUID, str]:
    """The arm of everybody included; the others have none."""
    ids = [verdict.profile_id for verdict in verdicts if verdict.included]
    return dict(zip(ids, assign(ids, salt, shares), strict=True))
