"""Answers as bytes, and requests from bytes."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from fastapi import Response
from rapport.errors import BadRequest, Invalid
from rapport.tokens import Principal

from profile_service.activity.rules import Kind, Span
from profile_service.ledger.records import IdentityRow
from profile_service.profiles.documents import document, shown_name, shown_traits, shown_value, summary, version
from profile_service.profiles.lookup import Permissions
from profile_service.profiles.resolve import Resolution
from profile_service.profiles.rules import Profile
from profile_service.profiles.schemas import ResolveBody

_JSON = "application/json"
_encode = msgspec.json.Encoder().encode
_resolve = msgspec.json.Decoder(ResolveBody).decode
_at = re.compile(r" - at `\$(?P<path>[^`]*)`$")


def read_resolve(body: bytes) -> ResolveBody:
    """The body of a resolve call; raises `Invalid` that points to the fault, `BadRequest` for what is no JSON."""
    try:
        return _resolve(body)
    except msgspec.ValidationError as error:
        said = str(error)
        where = _at.search(said)
        pointer = re.sub(r"\[(\d+)\]", r"/\1", where["path"].replace(".", "/")) if where else ""
        detail = _at.sub("", said)
        raise Invalid(f"{pointer or '/'}: {detail}", errors=[{"pointer": pointer, "detail": detail}]) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest("The body is not valid JSON.") from error


def resolved(found: Resolution, profile: Profile | None = None, *, pii: bool = False) -> Response:
    """The answer to a resolve call; identifiers are the caller's own and therefore not masked."""
    answer: dict[str, Any] = {
        "profile_id": found.profile_id,
        "confidence": found.confidence,
        "created": found.created,
        "matched": found.matched,
        "conflicts": [
            {
                "kind": each.identifier.kind,
                "value": each.identifier.value,
                "profile_id": each.profile_id,
                "reason": each.reason,
            }
            for each in found.conflicts
        ],
    }
    if profile is not None:
        answer["profile"] = summary(profile, pii=pii)
        answer["identities"] = [{"identity_id": each.identity_id, "kind": each.kind} for each in profile.identities]
    return Response(_encode(answer), media_type=_JSON)


def profile(
    found: Profile, activity: Mapping[Kind, Span], asked: UUID, caller: Principal, *, status: int = 200
) -> Response:
    """The file with its entity tag, and where it is if it was asked for by another id."""
    headers = {"ETag": version(found), "Vary": "Authorization"}
    if found.profile_id != asked:
        headers["Content-Location"] = f"/v1/profiles/{found.profile_id}"
    if status == 201:
        headers["Location"] = f"/v1/profiles/{found.profile_id}"
    answer = listed(found, caller)
    # Not part of what the entity tag stands for: nobody edits it, and it is no reason to refuse an edit.
    answer["activity"] = {kind: span._asdict() for kind, span in activity.items()}
    return Response(_encode(answer), status, headers, _JSON)


def listed(found: Profile, caller: Principal) -> dict[str, Any]:
    """The file as this caller may see it."""
    return document(found, pii=caller.may("profiles:pii"))


def looked_up(found: Mapping[UUID, Profile], allowed: Mapping[UUID, Permissions] | None, caller: Principal) -> Response:
    """Profiles for another service, by the ids asked for; validated by nobody, as they may be a thousand."""
    pii = caller.may("profiles:pii")
    items = [_looked_up(asked, profile, pii=pii) for asked, profile in found.items()]
    if allowed is not None:
        for item in items:
            item.update(_permissions(allowed[item["current_profile_id"]]))
    return Response(_encode({"items": items}), media_type=_JSON)


def _permissions(allowed: Permissions) -> dict[str, Any]:
    return {
        "consents": [
            {"channel": each.channel, "purpose": each.purpose, "status": each.status, "until": None}
            for each in allowed.words
        ],
        "restricted": allowed.restricted,
    }


def _looked_up(asked: UUID, found: Profile, *, pii: bool) -> dict[str, Any]:
    return {
        "profile_id": asked,
        "current_profile_id": found.profile_id,
        "kind": found.kind,
        "created_at": found.created_at,
        "until": found.until,
        "display_name": shown_name(found, pii=pii),
        "language": found.traits.get("language"),
        "time_zone": found.traits.get("time_zone"),
        "traits": shown_traits(found, pii=pii),
        "identities": [_identity(each, pii=pii) for each in found.identifiers],
    }


def _identity(identity: IdentityRow, *, pii: bool) -> dict[str, Any]:
    return {
        "identity_id": identity.identity_id,
        "kind": identity.kind,
        "value": shown_value(identity, pii=pii),
    }
