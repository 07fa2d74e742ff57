"""Segments as they are asked for and answered."""

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from rapport.text import CleanText

from segment_service.conditions.schemas import RuleJson
from segment_service.pyramid.rules import ValueClass
from segment_service.standing.rules import Stage

Text = Annotated[CleanText, Field(min_length=1, max_length=200)]


class SegmentIn(BaseModel):
    """A segment by `rule`, or with `static` a list whose members are put on it and taken off by hand."""

    model_config = ConfigDict(extra="forbid")

    name: Text
    description: Annotated[CleanText | None, Field(max_length=2_000)] = None
    rule: RuleJson | None = None
    static: bool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.rule is None) is not self.static:
            raise ValueError("give a rule, or static: true for a list")
        return self


class Health(BaseModel):
    """Whether members are up to date: `building` while everybody is asked for the first time or after a change of the
    rule; `failing` when the rule cannot be evaluated, and members are as they were before."""

    state: Literal["building", "ready", "failing"]
    error: str | None
    failing_since: AwareDatetime | None
    retry_at: AwareDatetime | None
    built_at: Annotated[AwareDatetime | None, Field(description="When everybody was last asked")]
    waiting: Annotated[int, Field(description="Customers with changes that no segment has seen yet")]
    waiting_since: AwareDatetime | None


class SegmentOut(BaseModel):
    """A segment, its size now and how it is."""

    key: str
    name: str
    description: str | None
    rule: dict[str, Any] | None
    static: bool
    version: int
    size: int
    share: Annotated[float | None, Field(description="Of all customers")]
    created_at: AwareDatetime
    changed_at: AwareDatetime
    changed_by: str
    health: Health


class Member(BaseModel):
    """A member, since when."""

    profile_id: UUID
    since: AwareDatetime
    value_class: ValueClass
    lifecycle: Stage


class Membership(BaseModel):
    """Whether a profile is a member, and for each condition of the rule the value it met now.

    `member` is what is kept, `matches` what the rule says at this moment; they differ while a change is on its way.
    """

    segment: str
    profile_id: UUID
    member: bool
    since: AwareDatetime | None
    due_at: Annotated[AwareDatetime | None, Field(description="When time alone may change it")]
    as_of: AwareDatetime
    matches: bool
    explanation: dict[str, Any] | None


class PreviewIn(BaseModel):
    """A rule to try; nothing is kept."""

    model_config = ConfigDict(extra="forbid")

    rule: RuleJson
    sample: Annotated[int, Field(ge=0, le=50, description="How many of those found to show")] = 10


class Sample(BaseModel):
    """One of those found, and why."""

    profile_id: UUID
    explanation: dict[str, Any]


class Preview(BaseModel):
    """How many customers the rule describes, of how many, and some of them chosen at random."""

    as_of: AwareDatetime
    size: int
    customers: int
    share: float | None
    sample: list[Sample]


class ListChange(BaseModel):
    """Profiles to put on a list and to take off it."""

    model_config = ConfigDict(extra="forbid")

    add: Annotated[list[UUID], Field(max_length=10_000)] = []
    remove: Annotated[list[UUID], Field(max_length=10_000)] = []


class ListChanged(BaseModel):
    """How many were put on and taken off; `unknown` are ids of nobody."""

    added: int
    removed: int
    unknown: list[UUID]
