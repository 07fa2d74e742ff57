"""Clusterings as they are asked for and answered."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from rapport.text import CleanText

from segment_service.conditions.schemas import RuleJson

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
Feature = Annotated[CleanText, Field(min_length=1, max_length=300)]


class ClusteringIn(BaseModel):
    """Whom to group (`among`, a rule; everybody who ever ordered if not given), and into how many groups.

    Without `groups` the number is the largest up to `most` that holds in random halves of the customers. Runs of the
    same `name` keep the keys and names of groups that go on. Features: recency_days, tenure_days, orders, revenue, aov,
    period_orders, period_revenue, margin, gap_days, irregularity, weekend, items, categories, `category:<name>`,
    `channel:<name>`.
    """

    model_config = ConfigDict(extra="forbid")

    name: Name = "customers"
    among: RuleJson | None = None
    groups: Annotated[int | None, Field(ge=2, le=20)] = None
    most: Annotated[int, Field(ge=2, le=20)] = 10
    leave_out: Annotated[list[Feature], Field(max_length=100, description="Features not to group by")] = []


class Started(BaseModel):
    """A clustering that waits to be carried out."""

    job_id: UUID
    clustering_id: UUID


class Tried(BaseModel):
    """A number of groups that was tried."""

    groups: int
    prediction_strength: Annotated[
        float, Field(description="0 to 1: how far groups found in one half of the customers hold in the other")
    ]
    smallest_share: float


class Mark(BaseModel):
    """What sets a group apart from everybody, `difference` in standard deviations."""

    feature: str
    difference: float
    median: float | None
    median_of_all: float | None
    words: str


class Group(BaseModel):
    """A group, in words a marketer can read; `continues` an earlier group under its key and name."""

    key: str
    name: str
    continues: bool
    size: int
    share: float
    description: str
    marks: list[Mark]


class Findings(BaseModel):
    """The groups, the largest first.

    `clear`: their number has a prediction strength of 0.8 or more; otherwise it is the best there is. `stability`: how
    alike the groups of two random halves are (adjusted Rand index, 1 the same, 0 by chance).
    """

    customers: int
    features: list[str]
    chosen: int
    clear: bool
    stability: float
    tried: list[Tried]
    groups: list[Group]


class ClusteringOut(BaseModel):
    """A clustering; `result` is null until its job has succeeded."""

    clustering_id: UUID
    name: str
    spec: dict[str, Any]
    job_id: UUID
    created_at: datetime
    as_of: datetime | None
    result: Findings | None


class GroupMember(BaseModel):
    """A customer in a group."""

    profile_id: UUID
