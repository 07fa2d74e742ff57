"""Bodies of the calls about relationships."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from rapport.identity import KIND_PATTERN
from rapport.pagination import Page

from profile_service.fields import LongText, ShortText
from profile_service.relationships.rules import Direction

Kind = Annotated[
    str,
    Field(
        pattern=KIND_PATTERN,
        examples=["referred_by"],
        description="`referred_by`, `employee_of`, `key_contact_of` the other; the other is the `parent`, `child`, "
        "`spouse`, of the `household`; or a kind of the firm's own",
    ),
]
Day = Annotated[date, Field(ge=date(1850, 1, 1), le=date(2200, 12, 31))]


class RelationshipBody(BaseModel):
    """What another profile is to this one, from one day to another as far as known."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    profile_id: UUID
    role: ShortText | None = None
    note: LongText | None = None
    since: Day | None = None
    until: Day | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "RelationshipBody":
        if self.since and self.until and self.until < self.since:
            raise ValueError("It cannot end before it begins: until lies before since.")
        return self


class RelationshipPatch(BaseModel):
    """JSON Merge Patch (RFC 7396) of a relationship: null takes back what was said."""

    model_config = ConfigDict(extra="forbid")

    role: ShortText | None = None
    note: LongText | None = None
    since: Day | None = None
    until: Day | None = None


class RelationshipAnswer(BaseModel):
    """A relationship as this profile sees it: the other side shows the inverse kind.

    `current` is whether it holds today; `within_profile` is true when a merge has made both sides one profile.
    """

    relationship_id: UUID
    kind: str
    direction: Direction
    profile_id: UUID
    display_name: str | None
    role: str | None
    note: str | None
    since: date | None
    until: date | None
    current: bool
    within_profile: bool
    created_at: AwareDatetime
    created_by: str
    removed_at: datetime | None
    removed_by: str | None


class RelationshipPage(Page[RelationshipAnswer]):
    """Relationships, and everybody who lives in the household with this profile, directly related or not."""

    household: list[UUID]


class ImportantDate(BaseModel):
    """A day to remember; masked without `profiles:pii` where it is personal."""

    label: str
    date: str


class Related(BaseModel):
    """In which way somebody is related."""

    kind: str
    role: str | None
    since: date | None


class Relative(BaseModel):
    """Somebody of a person's family or household."""

    profile_id: UUID
    display_name: str | None
    relationships: list[Related]
    important_dates: list[ImportantDate]


class PersonAnswer(Relative):
    """Somebody around the customer, with their own family."""

    family: list[Relative]


class PeoplePage(Page[PersonAnswer]):
    """People around a customer."""


class ReferralAnswer(BaseModel):
    """Somebody in the chain of referrals, `depth` steps away, by way of `through`."""

    profile_id: UUID
    display_name: str | None
    depth: int
    through: UUID
    relationship_id: UUID
    since: date | None


class ReferralPage(Page[ReferralAnswer]):
    """Those whom the customer brought, nearest first, and up the chain who brought them; `total` down to the depth."""

    referrers: list[ReferralAnswer]
    total: int
