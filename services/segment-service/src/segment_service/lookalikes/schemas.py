"""Look-alikes as they are asked for and answered."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from rapport.text import CleanText

from segment_service.conditions.schemas import RuleJson

Feature = Annotated[CleanText, Field(min_length=1, max_length=300)]


class LookalikeIn(BaseModel):
    """Rank those of `among` (a rule; everybody if not given) who are not `seeds` by likeness to those who are.

    Features that `seeds` reads are left out by themselves, those in `leave_out` as well: `orders`, `trait:country`,
    `event:Email Opened`, `category:coffee`...
    """

    model_config = ConfigDict(extra="forbid")

    name: Annotated[CleanText, Field(min_length=1, max_length=200)]
    seeds: RuleJson
    among: RuleJson | None = None
    leave_out: Annotated[list[Feature], Field(max_length=100)] = []


class Started(BaseModel):
    """A look-alike that waits to be carried out."""

    job_id: UUID
    lookalike_id: UUID


class Decile(BaseModel):
    """A tenth of the customers held out, best first: how many of the sought are in it, `lift` against the average."""

    decile: int
    customers: int
    found: int
    rate: float
    lift: float
    cumulative_share: Annotated[float, Field(description="Share of all sought ones found so far")]


class Driver(BaseModel):
    """A feature by how much the area under the curve falls without it."""

    feature: str
    weight: float
    words: str


class Findings(BaseModel):
    """The model, and how well it ranks customers it has not seen.

    `areas`: area under the ROC curve of each model that was tried, fold by fold. `gains` on customers held out.
    """

    customers: int
    seeds: int
    features: list[str]
    left_out: list[str]
    model: Literal["logistic", "gradient_boosting"]
    auc: float
    areas: dict[str, list[float]]
    gains: list[Decile]
    drivers: list[Driver]


class LookalikeOut(BaseModel):
    """A look-alike; `result` is null until its job has succeeded."""

    lookalike_id: UUID
    name: str
    spec: dict[str, Any]
    job_id: UUID
    created_at: datetime
    as_of: datetime | None
    result: Findings | None


class Ranked(BaseModel):
    """A customer who is not among the seeds; place 1 is most like them. `score` orders, it is not a probability."""

    profile_id: UUID
    place: int
    score: float
