"""Relationships as callers see them: names and days of people masked without `profiles:pii`."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from rapport.telemetry.masking import HIDDEN, masked_field
from rapport.tokens import Principal

from profile_service.personal import is_personal
from profile_service.profiles.documents import shown_name
from profile_service.profiles.rules import Profile
from profile_service.relationships.circle import Person, Step, Ways
from profile_service.relationships.rules import Relationship, Seen, important_dates
from profile_service.relationships.schemas import (
    ImportantDate,
    PersonAnswer,
    ReferralAnswer,
    Related,
    RelationshipAnswer,
    Relative,
)

Profiles = Mapping[UUID, Profile]


def relationship(row: Relationship, me: UUID, profiles: Profiles, caller: Principal) -> RelationshipAnswer:
    """How a profile sees a relationship."""
    seen = row.seen_from(me)
    return RelationshipAnswer(
        relationship_id=row.relationship_id,
        kind=seen.kind,
        direction=seen.direction,
        profile_id=seen.profile_id,
        display_name=_name(seen.profile_id, profiles, caller),
        role=row.role,
        note=row.note if caller.may("profiles:pii") else masked_field("note", row.note),
        since=row.since,
        until=row.until,
        current=row.removed_at is None and row.holds(datetime.now(UTC).date()),
        within_profile=row.a_profile == row.b_profile,
        created_at=row.created_at,
        created_by=row.created_by,
        removed_at=row.removed_at,
        removed_by=row.removed_by,
    )


def person(found: Person, profiles: Profiles, caller: Principal) -> PersonAnswer:
    """Somebody with their family."""
    own = _relative(found.profile_id, found.ways, profiles, caller)
    family: Ways = found.family
    return PersonAnswer(
        **own.model_dump(), family=[_relative(each, ways, profiles, caller) for each, ways in family.items()]
    )


def referral(step: Step, profiles: Profiles, caller: Principal) -> ReferralAnswer:
    """Somebody in a chain."""
    return ReferralAnswer(
        profile_id=step.profile_id,
        display_name=_name(step.profile_id, profiles, caller),
        depth=step.depth,
        through=step.through,
        relationship_id=step.relationship.relationship_id,
        since=step.relationship.since,
    )


def _relative(
    profile_id: UUID, ways: Sequence[tuple[Seen, Relationship | None]], profiles: Profiles, caller: Principal
) -> Relative:
    related = [
        Related(kind=seen.kind, role=row.role if row else None, since=row.since if row else None) for seen, row in ways
    ]
    return Relative(
        profile_id=profile_id,
        display_name=_name(profile_id, profiles, caller),
        relationships=related,
        important_dates=_dates(profiles[profile_id], caller) if profile_id in profiles else [],
    )


def _dates(profile: Profile, caller: Principal) -> list[ImportantDate]:
    pii = caller.may("profiles:pii")
    return [
        ImportantDate(label=label, date=day if pii or not (is_personal(key) or key in profile.personal) else HIDDEN)
        for key, label, day in important_dates(profile.traits)
    ]


def _name(profile_id: UUID, profiles: Profiles, caller: Principal) -> str | None:
    found = profiles.get(profile_id)
    return None if found is None else shown_name(found, pii=caller.may("profiles:pii"))
