"""Bodies of the calls about profiles."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from profile_service.activity.rules import Kind as Activity
from profile_service.consents.rules import Status
from profile_service.fields import IdentifierAnswer, IdentifierBody

Kind = Literal["person", "organisation"]
Traits = Annotated[
    dict[str, Any],
    Field(max_length=200, examples=[{"given_name": "Ada", "language": "en-GB", "address": {"city": "London"}}]),
]


class WireIdentifier(msgspec.Struct, forbid_unknown_fields=True):
    """An identifier as it comes in."""

    kind: Annotated[str, msgspec.Meta(max_length=32)]
    value: Annotated[str, msgspec.Meta(min_length=1, max_length=512)]


class ResolveBody(msgspec.Struct, forbid_unknown_fields=True):
    """Whom these identifiers mean; msgspec because this is the hottest call of all."""

    identifiers: Annotated[list[WireIdentifier], msgspec.Meta(min_length=1, max_length=50)]
    create: bool = False
    include: Annotated[list[Literal["profile"]], msgspec.Meta(max_length=1)] = []


class ConflictAnswer(BaseModel):
    """An identifier that does not count for this profile: the profile it belongs to, and why."""

    kind: str
    value: str
    profile_id: UUID | None
    reason: str


class ProfileSummary(BaseModel):
    """What is needed to greet the customer."""

    display_name: str | None
    language: str | None
    traits: dict[str, Any]
    kind: Kind
    created_at: AwareDatetime


class IdentityAnswer(BaseModel):
    """An identity of a profile."""

    identity_id: UUID
    kind: str


class ResolveAnswer(BaseModel):
    """`confidence` is 0 to 1; `profile` and `identities` come when asked for in `include`."""

    profile_id: UUID
    confidence: float
    created: bool
    matched: list[IdentifierAnswer]
    conflicts: list[ConflictAnswer]
    profile: ProfileSummary | None = None
    identities: list[IdentityAnswer] | None = None


class CreateBody(BaseModel):
    """A new customer."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind = "person"
    identifiers: Annotated[list[IdentifierBody], Field(max_length=50)] = []
    traits: Traits = {}


class PatchBody(BaseModel):
    """JSON Merge Patch (RFC 7396) of the file: null removes a trait."""

    model_config = ConfigDict(extra="forbid")

    traits: Traits


class SeenIdentifier(IdentifierAnswer):
    """An identifier and when it was seen first."""

    first_seen: datetime


class Span(BaseModel):
    """The first and the last time of something."""

    first_at: AwareDatetime
    last_at: AwareDatetime


class ProfileAnswer(BaseModel):
    """The file; `activity` is when the customer did what, first and last; lists leave it out."""

    profile_id: UUID
    kind: Kind
    created_at: AwareDatetime
    updated_at: AwareDatetime
    display_name: str | None
    traits: dict[str, Any]
    inferred: list[str] = Field(
        description="Keys of traits that nobody told: they follow from others, as parts of a name"
    )
    identifiers: list[SeenIdentifier]
    activity: dict[Activity, Span] | None = None


class LookupBody(BaseModel):
    """Up to 1,000 profile ids, present or past.

    With `permissions` for a service that keeps a copy: it needs the scope `profiles:pii`, and the audit trail notes one
    bulk read rather than a look into each file.
    """

    model_config = ConfigDict(extra="forbid")

    profile_ids: Annotated[list[UUID], Field(min_length=1, max_length=1_000)]
    include: Annotated[list[Literal["permissions"]], Field(max_length=1)] = []


class LookupIdentity(IdentityAnswer):
    """An identity with its identifier."""

    value: str


class LookupConsent(BaseModel):
    """The word that counts on a channel for a purpose, the strictest of all identities; `until` when it ends, if so."""

    channel: str
    purpose: str
    status: Status
    until: AwareDatetime | None


class LookupItem(BaseModel):
    """A profile by the id asked for; `until` is when one of its traits expires, if one does."""

    profile_id: UUID
    current_profile_id: UUID
    kind: Kind
    created_at: AwareDatetime
    until: AwareDatetime | None
    display_name: str | None
    language: str | None
    time_zone: str | None
    traits: dict[str, Any]
    identities: list[LookupIdentity]
    consents: list[LookupConsent] | None = Field(None, description="With `permissions`")
    restricted: bool | None = Field(None, description="With `permissions`: the data must be kept and not used")


class LookupAnswer(BaseModel):
    """Those profiles that exist, in the order asked for."""

    items: list[LookupItem]


_IDENTIFIER_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["kind", "value"],
    "additionalProperties": False,
    "properties": {
        "kind": {"type": "string", "pattern": "^[a-z][a-z0-9_]{1,31}$", "examples": ["email"]},
        "value": {"type": "string", "minLength": 1, "maxLength": 512, "examples": ["Ada@Example.org"]},
    },
}
RESOLVE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["identifiers"],
    "additionalProperties": False,
    "properties": {
        "identifiers": {"type": "array", "minItems": 1, "maxItems": 50, "items": _IDENTIFIER_SCHEMA},
        "create": {"type": "boolean", "default": False, "description": "Make a profile when nobody is known"},
        "include": {"type": "array", "maxItems": 1, "items": {"enum": ["profile"]}},
    },
}
