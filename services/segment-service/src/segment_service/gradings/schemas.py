"""Gradings as they are asked for and answered."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from rapport.text import CleanText

from segment_service.conditions.schemas import RuleJson

GradeName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Text = Annotated[CleanText, Field(min_length=1, max_length=500)]


class Grade(BaseModel):
    """A grade: the rule by which it is entered, the weaker one by which it is kept (the same if not given)."""

    model_config = ConfigDict(extra="forbid")

    grade: GradeName
    enter: RuleJson
    keep: RuleJson | None = None
    privileges: Annotated[list[Text], Field(max_length=50)] = []


_EXAMPLE = [
    {
        "grade": "gold",
        "enter": {"metric": "period_revenue", "gte": 1000},
        "keep": {"metric": "period_revenue", "gte": 800},
        "privileges": ["free delivery"],
    },
    {"grade": "silver", "enter": {"metric": "orders", "gte": 3}},
]


class GradingIn(BaseModel):
    """A scheme: grades from the highest to the lowest. A customer has the highest whose rule holds, or none."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[CleanText, Field(min_length=1, max_length=200)]
    grades: Annotated[list[Grade], Field(min_length=1, max_length=20, examples=[_EXAMPLE])]


class GradeSize(BaseModel):
    """How many customers have a grade."""

    grade: str
    customers: int


class GradingOut(BaseModel):
    """A scheme, how many hold each grade, and whether everybody has been asked."""

    key: str
    name: str
    grades: list[dict[str, Any]]
    sizes: list[GradeSize]
    state: Literal["building", "ready", "failing"]
    error: str | None
    version: int
    changed_at: AwareDatetime
    changed_by: str


class Holder(BaseModel):
    """A customer with a grade."""

    profile_id: UUID
    since: AwareDatetime
