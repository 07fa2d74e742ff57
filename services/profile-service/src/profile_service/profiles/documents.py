"""A profile as callers see it."""

import hashlib
from typing import Any

import msgspec
from rapport.concurrency import etag

from profile_service.facts.traits import nest
from profile_service.ledger.records import IdentityRow
from profile_service.names.rules import display_name
from profile_service.personal import masked_identifier, masked_name, masked_value
from profile_service.profiles.rules import Profile


def document(profile: Profile, *, pii: bool) -> dict[str, Any]:
    """The whole file; personal data masked unless `pii`."""
    return {
        "profile_id": profile.profile_id,
        "kind": profile.kind,
        "created_at": profile.created_at,
        "updated_at": profile.updated_at,
        "display_name": shown_name(profile, pii=pii),
        "traits": shown_traits(profile, pii=pii),
        "inferred": sorted(profile.inferred),
        "identifiers": [
            {"kind": each.kind, "value": shown_value(each, pii=pii), "first_seen": each.first_seen}
            for each in profile.identifiers
        ],
    }


def summary(profile: Profile, *, pii: bool) -> dict[str, Any]:
    """What another service needs to greet the customer."""
    return {
        "display_name": shown_name(profile, pii=pii),
        "language": profile.traits.get("language"),
        "traits": shown_traits(profile, pii=pii),
        "kind": profile.kind,
        "created_at": profile.created_at,
    }


def version(profile: Profile) -> str:
    """Entity tag of the file, the same whoever reads it."""
    return etag(hashlib.sha256(msgspec.json.encode(document(profile, pii=True))).hexdigest()[:32])


def shown_name(profile: Profile, *, pii: bool) -> str | None:
    """How to address the customer; initials unless `pii`."""
    name = display_name(profile.traits)
    return name if pii or name is None else masked_name(name)


def shown_traits(profile: Profile, *, pii: bool) -> dict[str, Any]:
    """Traits in nested form; personal ones masked unless `pii`."""
    if pii:
        return nest(profile.traits)
    personal = profile.personal
    return nest({key: masked_value(key, value, personal=key in personal) for key, value in profile.traits.items()})


def shown_value(identity: IdentityRow, *, pii: bool) -> str:
    """The value of an identifier; masked unless `pii`."""
    return identity.value if pii else masked_identifier(identity.kind, identity.value)
