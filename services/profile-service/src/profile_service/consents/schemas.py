"""Bodies of the calls about consents and suppressions."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from profile_service.consents.rules import Reason, Shown, Status
from profile_service.fields import LongText, Name, ShortText, Time


class ConsentBody(BaseModel):
    """A word on consent; `at` is now unless given.

    With `double_opt_in` a grant counts for nothing until the customer confirms it; the settings can demand it, too.
    """

    model_config = ConfigDict(extra="forbid")

    status: Status
    double_opt_in: bool = False
    lawful_basis: ShortText | None = None
    source: ShortText = "api"
    proof: LongText | None = None
    at: Time | None = None


class ConsentEntry(BaseModel):
    """One entry of the history; `confirmed_at` is when the same was last said. `pending` waits for the customer."""

    status: Shown
    lawful_basis: str | None
    source: str
    proof: str | None
    at: AwareDatetime
    confirmed_at: AwareDatetime
    identity_id: UUID


class Confirmation(BaseModel):
    """The link to send to the customer, who confirms the grant there."""

    url: str
    expires_at: AwareDatetime


class ConsentAnswer(BaseModel):
    """The word that counts on a channel for a purpose, and how it came about, newest first.

    `pending`: a grant waits to be confirmed, by the link in `confirmation` of the answer that asked for it.
    """

    profile_id: UUID
    channel: str
    purpose: str
    status: Shown
    lawful_basis: str | None
    source: str
    proof: str | None
    at: AwareDatetime
    confirmation: Confirmation | None = None
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
    sources: Annotated[bool, Field(description="Say what speaks for or against it, one by one")] = False


class CheckSource(BaseModel):
    """One thing that speaks for or against contact; `at` is when it was said, noted or imported."""

    kind: Literal["consent", "opt_in", "suppression", "restriction", "list"]
    status: str
    source: str
    lawful_basis: str | None
    registry: Annotated[str | None, Field(description="The do-not-call registry, by its key")]
    jurisdiction: str | None
    at: AwareDatetime
    expires_at: AwareDatetime | None


class CheckItem(BaseModel):
    """One customer by the id asked for; without a grant the answer is no. `sources` only when asked for."""

    profile_id: UUID
    allowed: bool
    reason: Reason
    sources: list[CheckSource] | None = None


class CheckAnswer(BaseModel):
    """One item for each id, in the order asked."""

    items: list[CheckItem]
