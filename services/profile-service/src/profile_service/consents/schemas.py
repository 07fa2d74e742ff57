"""Bodies of the calls about consents and suppressions."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from profile_service.consents.rules import Reason, Status
from profile_service.fields import IdentifierAnswer, IdentifierBody, LongText, Name, ShortText, Time


class ConsentBody(BaseModel):
    """A word on consent; `at` is now unless given."""

    model_config = ConfigDict(extra="forbid")

    status: Status
    lawful_basis: ShortText | None = None
    source: ShortText = "api"
    proof: LongText | None = None
    at: Time | None = None


class ConsentEntry(BaseModel):
    """One entry of the history; `confirmed_at` is when the same was last said."""

    status: Status
    lawful_basis: str | None
    source: str
    proof: str | None
    at: AwareDatetime
    confirmed_at: AwareDatetime
    identity_id: UUID


class ConsentAnswer(BaseModel):
    """The word that counts on a channel for a purpose, and how it came about, newest first."""

    profile_id: UUID
    channel: str
    purpose: str
    status: Status
    lawful_basis: str | None
    source: str
    proof: str | None
    at: AwareDatetime
    history: list[ConsentEntry]


class ConsentList(BaseModel):
    """All channels and purposes on which there is a word."""

    items: list[ConsentAnswer]


class CheckBody(BaseModel):
    """May these customers be contacted on this channel for this purpose?"""

    model_config = ConfigDict(extra="forbid")

    profile_ids: Annotated[list[UUID], Field(min_length=1, max_length=1_000)]
    channel: Name
    purpose: Name


class CheckItem(BaseModel):
    """One customer by the id asked for; without a grant the answer is no."""

    profile_id: UUID
    allowed: bool
    reason: Reason


class CheckAnswer(BaseModel):
    """One item for each id, in the order asked."""

    items: list[CheckItem]


class SuppressionBody(BaseModel):
    """Do not contact this identifier; on every channel unless one is named."""

    model_config = ConfigDict(extra="forbid")

    identifier: IdentifierBody
    channel: Name | None = None
    reason: LongText | None = None
    source: ShortText = "api"


class SuppressionAnswer(BaseModel):
    """A do-not-contact entry."""

    suppression_id: UUID
    identifier: IdentifierAnswer
    identity_id: UUID
    channel: str | None
    reason: str | None
    source: str
    created_at: AwareDatetime
