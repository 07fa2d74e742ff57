"""Audiences as they are asked for and answered."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from segment_service.pyramid.rules import ValueClass
from segment_service.standing.rules import Stage

_EXAMPLE = {"all": [{"value_class": ["medium"]}, {"not": {"lifecycle": ["lapsed"]}}, {"metric": "orders", "gte": 2}]}


class AudienceIn(BaseModel):
    """A rule: `all`, `any`, `not` around conditions on `value_class`, `lifecycle` and `metric`.

    Metrics: recency_days, orders, revenue, profit, aov, tenure_days; operators: eq ne gt gte lt lte in nin.
    """

    model_config = ConfigDict(extra="forbid")

    rule: Annotated[dict[str, Any], Field(examples=[_EXAMPLE])]
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    cursor: Annotated[str | None, Field(max_length=1000)] = None


class Member(BaseModel):
    """A customer whom the rule describes."""

    profile_id: UUID
    value_class: ValueClass
    lifecycle: Stage


class AudiencePage(BaseModel):
    """Customers in the order of their ids; `total` is the size of the whole audience now."""

    items: list[Member]
    next_cursor: str | None
    total: int
