"""How a profile is put together, and which of several profiles some identifiers mean. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from rapport.identity import Identifier, confidence, strength

from profile_service.facts.rules import Fact, winners
from profile_service.ledger.records import PROFILE, IdentityRow
from profile_service.names.rules import divide


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile as it is at present; `traits` by dotted key, `identities` strongest first, its anchor included.

    The traits `inferred` are no facts: they follow from others for as long as nothing is said of them. `until` is when
    a fact that counts expires, if one does.
    """

    profile_id: UUID
    kind: str
    created_at: datetime
    updated_at: datetime
    traits: Mapping[str, Any]
    identities: Sequence[IdentityRow]
    personal: frozenset[str] = frozenset()  # keys of traits that the firm calls personal
    inferred: frozenset[str] = frozenset()
    until: datetime | None = None

    @property
    def identity_ids(self) -> list[UUID]:
        """What its history is stored under."""
        return [each.identity_id for each in self.identities]

    @property
    def identifiers(self) -> list[IdentityRow]:
        """What the customer is recognised by."""
        return [each for each in self.identities if each.kind != PROFILE]


def assemble(identities: Iterable[IdentityRow], facts: Sequence[Fact], now: datetime) -> Profile:
    """The profile that these identities and the facts that came with them make."""
    members = sorted(identities, key=lambda each: (strength(each.kind), each.first_seen, each.identity_id))
    profile_id = members[0].profile_id
    oldest = min(members, key=lambda each: (each.seed_profile_id != profile_id, each.first_seen, each.identity_id))
    by_age = sorted(members, key=lambda each: (each is not oldest, each.first_seen, each.identity_id))
    changed = [each.assigned_at for each in members] + [fact.recorded_at for fact in facts]
    changed += [fact.expires_at for fact in facts if fact.expires_at and fact.recorded_at < fact.expires_at <= now]
    kind = next((each.profile_kind for each in by_age if each.profile_kind), "person")
    counting = winners(facts, now)
    told = {key: fact.value for key, fact in counting.items()}
    inferred = _name_parts(told) if kind == "person" else {}
    return Profile(
        profile_id=profile_id,
        kind=kind,
        created_at=oldest.created_at,
        updated_at=max(changed),
        traits={key: value for key, value in told.items() if value is not None} | inferred,
        identities=members,
        personal=frozenset(fact.key for fact in facts if fact.personal),
        inferred=frozenset(inferred),
        until=min((each.expires_at for each in counting.values() if each.expires_at is not None), default=None),
    )


def _name_parts(told: Mapping[str, Any]) -> dict[str, str]:
    """Given and family name where only the whole name is known and it is safe to divide.

    Whatever was told of a part counts instead, also that there is none.
    """
    whole = told.get("display_name")
    if not isinstance(whole, str) or any(key in told for key in ("given_name", "middle_name", "family_name")):
        return {}
    country = told.get("country") or told.get("address.country")
    divided = divide(whole, told.get("language"), country)
    return dict(zip(("given_name", "family_name"), divided, strict=True)) if divided else {}


@dataclass(frozen=True, slots=True)
class Match:
    """Which profile identifiers mean: the strongest known one decides; `others` are known under other profiles."""

    profile_id: UUID | None
    matched: list[Identifier]
    unknown: list[Identifier]
    others: list[tuple[Identifier, UUID]]
    blocked: list[Identifier]

    @property
    def confidence(self) -> float:
        """How sure the match is, 0 to 1: that of the surest identifier."""
        return max((confidence(each.kind) for each in self.matched), default=0.0)


def match(identifiers: Iterable[Identifier], profiles: Mapping[Identifier, UUID], blocked: set[Identifier]) -> Match:
    """Match identifiers given the profiles of those known; values that nobody owns count only when alone."""
    ranked = sorted(identifiers, key=lambda each: (each in blocked, strength(each.kind), each.kind, each.value))
    decided = next((profiles[each] for each in ranked if each in profiles), None)
    alone = all(each in blocked for each in ranked)
    idle = [] if alone else [each for each in ranked if each in blocked]
    counted = [each for each in ranked if each not in idle]
    if decided is not None and not alone and not any(each in profiles for each in counted):
        decided = None
    return Match(
        profile_id=decided,
        matched=[each for each in counted if profiles.get(each) == decided and each in profiles],
        unknown=[each for each in counted if each not in profiles],
        others=[(each, profiles[each]) for each in counted if each in profiles and profiles[each] != decided],
        blocked=idle,
    )
