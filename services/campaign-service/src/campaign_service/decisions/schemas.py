"""Bodies of the decision calls."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from campaign_service.values import JsonObject, Strict, one_line

Word = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(one_line)]


class DecisionIn(Strict):
    """Who is here, through which channel, at which moment of the contact."""

    profile_id: UUID
    channel: Word | None = Field(None, examples=["phone"])
    moment: Word | None = Field(None, examples=["inbound"])
    context: JsonObject | None = None


class Action(Strict):
    """What to do."""

    kind: Literal["service", "offer"]
    offer_id: str | None
    text: str
    reason: str
    decision_id: UUID


class Considered(Strict):
    """A campaign's offer that was weighed."""

    campaign_id: UUID
    name: str
    offer_id: str
    verdict: Literal["chosen", "ruled_out", "outranked"]
    reason: str


class DecisionOut(Strict):
    """What to do next; no action when there is nothing to propose, and `reasons` says why."""

    decision_id: UUID
    profile_id: UUID
    actions: list[Action]
    considered: list[Considered]
    reasons: list[str]


class DecisionRecord(DecisionOut):
    """A decision as it was made: `known` is what was known then."""

    channel: str | None
    moment: str | None
    decided_at: datetime
    known: dict[str, Any]
