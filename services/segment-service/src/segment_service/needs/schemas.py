"""Need groups as they are asked for and answered."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from rapport.text import CleanText

from segment_service.conditions.schemas import RuleJson
from segment_service.pyramid.rules import ValueClass


class EvidenceIn(BaseModel):
    """A rule that speaks for the need, how sure it makes it by itself, and what to call it."""

    model_config = ConfigDict(extra="forbid")

    when: RuleJson
    weight: Annotated[float, Field(gt=0, le=1)] = 1.0
    words: Annotated[CleanText | None, Field(max_length=300)] = None


_EXAMPLE = [
    {"when": {"trait": "goal", "eq": "marathon"}, "weight": 0.9, "words": "said so"},
    {"when": {"event": "Order Completed", "where": {"products.category": {"eq": "running"}}}, "weight": 0.4},
]


class NeedGroupIn(BaseModel):
    """A need that the firm can serve. A customer is in the group when the evidence together reaches `threshold`.

    Pieces of evidence count as independent: two of 0.5 make 0.75.
    """

    model_config = ConfigDict(extra="forbid")

    name: Annotated[CleanText, Field(min_length=1, max_length=200)]
    description: Annotated[CleanText | None, Field(max_length=2_000)] = None
    evidence: Annotated[list[EvidenceIn], Field(min_length=1, max_length=20, examples=[_EXAMPLE])]
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.5


class NeedGroupOut(BaseModel):
    """A need group, how many customers are in it, and whether everybody has been asked."""

    key: str
    name: str
    description: str | None
    evidence: list[dict[str, Any]]
    threshold: float
    customers: int
    state: Literal["building", "ready", "failing"]
    error: str | None
    version: int
    changed_at: AwareDatetime
    changed_by: str


class InGroup(BaseModel):
    """A customer in the group."""

    profile_id: UUID
    confidence: float
    since: AwareDatetime


class Evidence(BaseModel):
    """A piece of evidence: whether it holds for the customer, with the value each condition met."""

    words: str | None
    weight: float
    holds: bool
    explanation: dict[str, Any]


class NeedFound(BaseModel):
    """How sure a customer's need is, and why."""

    group: str
    name: str
    confidence: float
    threshold: float
    member: bool
    since: AwareDatetime | None
    evidence: list[Evidence]


class NeedsOut(BaseModel):
    """All need groups for one customer, the surest first."""

    profile_id: UUID
    as_of: AwareDatetime
    needs: list[NeedFound]


class Cell(BaseModel):
    """Customers of a value class in a need group; one may be in several groups."""

    value_class: ValueClass
    group: str | None
    customers: int
    sales: str


class Matrix(BaseModel):
    """Value by need: `group` null holds those in no group. Sales of the period in the service's currency."""

    currency: str
    classes: list[ValueClass]
    groups: list[str]
    cells: list[Cell]
