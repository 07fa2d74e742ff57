"""Bodies of the calls about do-not-contact entries."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from profile_service.fields import IdentifierAnswer, IdentifierBody, LongText, Name, ShortText, Time

Jurisdiction = Annotated[
    str,
    Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$", description="ISO 3166-1 or 3166-2, for example US or US-CA"),
]


class SuppressionBody(BaseModel):
    """Do not contact this identifier; on every channel unless one is named, for ever unless it expires."""

    model_config = ConfigDict(extra="forbid")

    identifier: IdentifierBody
    channel: Name | None = None
    reason: LongText | None = None
    source: ShortText = "api"
    jurisdiction: Jurisdiction | None = None
    expires_at: Time | None = None


class SuppressionAnswer(BaseModel):
    """A do-not-contact entry.

    `hashed` entries are known by a keyed hash alone, those of registries and those left of erased people: their value
    is shown to nobody, and they are found by asking for the identifier.
    """

    suppression_id: UUID
    identifier: IdentifierAnswer
    identity_id: UUID | None
    channel: str | None
    reason: str | None
    source: str
    registry: str | None
    jurisdiction: str | None
    expires_at: AwareDatetime | None
    hashed: bool
    created_at: AwareDatetime


class RegistrySpec(BaseModel):
    """Which registry a file is, and how to read it.

    `registry` names it for good: another import under the same name adds to it, or with `"mode": "replace"` takes its
    place. `column` holds the numbers, by default the one called `phone`, else the first; a column `expires_at` says
    until when a single entry holds.
    """

    model_config = ConfigDict(extra="forbid")

    registry: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$", examples=["us-national-dnc"])]
    jurisdiction: Jurisdiction
    channels: Annotated[list[Name], Field(min_length=1, max_length=10)] = ["phone", "sms"]
    kind: Literal["phone", "email"] = "phone"
    column: ShortText | None = None
    expires_at: Time | None = None
    mode: Literal["add", "replace"] = "add"


class BadRow(BaseModel):
    """A row of a list that could not be taken; `row` counts from 1, the heading included."""

    row: int
    reason: str


class RegistryImport(BaseModel):
    """What came of an import; `errors` holds the first hundred rejected rows."""

    registry: str
    jurisdiction: str
    rows: int
    accepted: int
    rejected: int
    errors: list[BadRow]


class RegistryAnswer(BaseModel):
    """A registry as imported last."""

    registry: str
    jurisdiction: str
    channels: list[str]
    entries: int
    expires_at: AwareDatetime | None
    imported_at: AwareDatetime
    imported_by: str


class RegistryList(BaseModel):
    """All registries."""

    items: list[RegistryAnswer]
