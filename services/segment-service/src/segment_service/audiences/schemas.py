"""Audiences as they are asked for and answered."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from segment_service.conditions.schemas import RuleJson
from segment_service.pyramid.rules import ValueClass
from segment_service.standing.rules import Stage


class AudienceIn(BaseModel):
    """A rule, and which page of those whom it describes."""

    model_config = ConfigDict(extra="forbid")

    rule: RuleJson
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
