"""Bodies of the calls about links."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from profile_service.fields import IdentifierBody, LongText


class LinkBody(BaseModel):
    """That two identifiers are one customer."""

    model_config = ConfigDict(extra="forbid")

    a: IdentifierBody
    b: IdentifierBody
    reason: LongText | None = None


class LinkAnswer(BaseModel):
    """Which profiles the two belonged to and belong to; `guards_overridden` names what spoke against it."""

    link_id: UUID
    profiles_before: list[UUID]
    profiles_after: list[UUID]
    guards_overridden: list[str] = []


class LinkEnd(BaseModel):
    """One of the two identities of a link."""

    identity_id: UUID
    kind: str
    value: str


class LedgerEntry(BaseModel):
    """A link in the ledger: who or what said so (`source`, `event_id`), when, and how surely (0 to 1).

    `guards` names what stopped a held link, `guards_overridden` what an operator overrode: `blocked_value`,
    `cannot_link`, `shared:<kind>`, `too_many:<kind>`, `too_many_identities`.
    """

    link_id: UUID
    a: LinkEnd
    b: LinkEnd
    kind: Literal["same_call", "alias", "import", "operator", "match"]
    state: Literal["accepted", "held", "retracted"]
    guards: list[str]
    guards_overridden: list[str]
    source: str
    event_id: str | None
    reason: str | None
    confidence: float
    evidence_at: AwareDatetime
    recorded_at: AwareDatetime
    retracted_at: AwareDatetime | None
    retracted_by: str | None
    retraction_reason: str | None


class SplitBody(BaseModel):
    """The identifiers that are another customer's; they stay together as one."""

    model_config = ConfigDict(extra="forbid")

    identities: Annotated[list[IdentifierBody], Field(min_length=1, max_length=500)]
    reason: LongText | None = None


class SplitAnswer(BaseModel):
    """The profile that was split and those it became; `split_profile_id` is the one of the identities named."""

    profiles_before: list[UUID]
    profiles_after: list[UUID]
    split_profile_id: UUID
    links_retracted: list[UUID]


class CannotLinkEntry(BaseModel):
    """An operator's word, by retracting a link or by a split, that one side is another customer than the other.

    No evidence joins them while it stands, of whatever age or kind, but an operator's later link: that outweighs it as
    long as the link stands. `links` are those retracted by the word, one for a pair of identities.
    """

    cannot_link_id: UUID
    sides: Annotated[list[list[LinkEnd]], Field(min_length=2, max_length=2)]
    links: list[UUID]
    made_at: AwareDatetime
    made_by: str
    withdrawn_at: AwareDatetime | None
    withdrawn_by: str | None
    withdrawal_reason: str | None


class WithdrawalAnswer(BaseModel):
    """The profiles of both sides before and after: held evidence may have joined them."""

    cannot_link_id: UUID
    profiles_before: list[UUID]
    profiles_after: list[UUID]
