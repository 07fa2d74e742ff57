"""Churn episodes as they are answered and changed."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from segment_service.churn.rules import State
from segment_service.money import Money

Reason = Annotated[
    str,
    Field(
        pattern="^[a-z][a-z0-9_]{1,31}$",
        description="price, quality, service, delivery, competitor, moved_away, need_ended... or the firm's own word",
        examples=["price"],
    ),
]
Note = Annotated[str, Field(min_length=1, max_length=2_000, pattern=r"^[^\x00]*$")]


def _sensible(at: datetime) -> datetime:
    if not 1900 <= at.year <= 2200:
        raise ValueError("the year must lie between 1900 and 2200")
    return at.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_sensible)]


class ActionIn(BaseModel):
    """Something done to win the customer back; now if no time is given."""

    model_config = ConfigDict(extra="forbid")

    kind: Annotated[str, Field(pattern="^[a-z][a-z0-9_]{1,31}$", examples=["call"])]
    at: Moment | None = None
    note: Note | None = None


class EpisodePatch(BaseModel):
    """A merge patch: what is left out stays, null takes back.

    `actions` are all that people recorded; those taken from touchpoints come besides. `state` closes an episode that is
    given up, or opens it again.
    """

    model_config = ConfigDict(extra="forbid")

    reason: Reason | None = None
    reason_note: Note | None = None
    actions: Annotated[list[ActionIn], Field(max_length=50)] | None = None
    state: Literal["open", "closed"] | None = None
    closing_note: Note | None = None


class Evidence(BaseModel):
    """What a reason rests on: who gave it, or the sign that it is inferred from and the id of that event or order."""

    at: datetime
    said_by: str | None = None
    sign: str | None = None
    of: str | None = None


class Action(BaseModel):
    """What was done to win the customer back; `source` is who recorded it, or the outbound touchpoint it was."""

    kind: str
    at: datetime
    note: str | None
    source: str


class Outcome(BaseModel):
    """How it ended: the order that the customer came back with and sales from then on, or why it was given up."""

    note: str | None = None
    order_id: str | None = None
    at: datetime | None = None
    orders: int | None = None
    sales: Money | None = None
    sales_days: int | None = None
    actions_before: int | None = None


class EpisodeOut(BaseModel):
    """An episode: the silence since the last order, in which the customer lapsed at `opened_at`.

    `won_back`: they ordered again. `closed`: given up by hand. `undone`: what is known by now says that they had never
    lapsed (a late order, a merge). `profile_id` is null for somebody whose profile has not arrived.
    """

    episode_id: UUID
    profile_id: UUID | None
    state: State
    silent_since: datetime
    opened_at: datetime
    closed_at: datetime | None
    reason: str | None
    reason_origin: Literal["given", "inferred"] | None
    reason_note: str | None
    evidence: list[Evidence]
    actions: list[Action]
    outcome: Outcome | None
    updated_at: datetime


class Rate(BaseModel):
    """Of `episodes` how many were won back, as a share with its 95 % interval (Wilson), and sales after the return."""

    episodes: int
    won_back: int
    rate: float | None
    low: float
    high: float
    sales: Money


class ReasonRate(Rate):
    """Episodes with a reason; `unknown` are those without one."""

    reason: str
    given: int
    open: int
    closed: int


class ActionRate(Rate):
    """Episodes in which something was done before the customer returned; null is nothing, for comparison.

    No control group: whoever was called may have been chosen for their chances.
    """

    action: str | None


class ChurnReport(BaseModel):
    """Episodes that opened in a time, by reason and by what was done."""

    since: datetime | None
    until: datetime | None
    episodes: int
    open: int
    won_back: int
    closed: int
    rate: float | None
    low: float
    high: float
    reasons: list[ReasonRate]
    actions: list[ActionRate]
