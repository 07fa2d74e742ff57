"""What is answered about one customer."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from segment_service.money import Money
from segment_service.pyramid.rules import ValueClass
from segment_service.standing.rules import Stage

Score = Annotated[int, Field(ge=1, le=5)]


class Totals(BaseModel):
    """Over all time, net of refunds and cancelled orders.

    `profit` is null unless the cost of every order is known. `cost_to_serve` is what contacts and tasks cost, null if
    the cost of none is known; profit is what remains after it.
    """

    orders: int
    revenue: Money
    profit: Money | None
    cost_to_serve: Money | None
    first_order_at: datetime | None
    last_order_at: datetime | None
    currency: str


class Period(BaseModel):
    """What counts for the value class."""

    from_: Annotated[datetime, Field(alias="from")]
    to: datetime
    orders: int
    revenue: Money


class Rfm(BaseModel):
    """Quintiles among all who ever ordered, 5 is best."""

    recency_days: int
    r: Score
    f: Score
    m: Score
    group: str


class Lifecycle(BaseModel):
    """The stage, and since when; null for a prospect who has not been in touch."""

    stage: Stage
    since: datetime | None


class Loyalty(BaseModel):
    """How long and how regularly they buy; `orders_in_other_currencies` are in no sum of money."""

    tenure_days: int | None
    order_days: int
    mean_gap_days: float | None
    orders_in_other_currencies: int


class Clv(BaseModel):
    """What the newest lifetime value model expects within `horizon_days`, as of today (UTC).

    `value` is of the expected orders: margin by the customer's own rate when the cost of all their orders is known,
    else revenue, as `basis` says. It is null without enough amounts of money to model. `p_alive` is 1 before a second
    day with orders.
    """

    p_alive: float
    expected_orders: float
    value: Money | None
    basis: Literal["margin", "revenue"]
    horizon_days: int


class Standing(BaseModel):
    """All that is known of a customer's value and stage."""

    profile_id: UUID
    as_of: datetime
    value_class: ValueClass
    basis: Literal["revenue", "profit"]
    totals: Totals
    period: Period
    rfm: Rfm | None
    clv: Clv | None
    lifecycle: Lifecycle
    loyalty: Loyalty
    needs: list[dict[str, Any]]
    grades: dict[str, Any]
    segments: list[str]
    treatment: dict[str, Any] | None


class StandingChangeOut(BaseModel):
    """A class and stage as they were announced; `profile_id` is another one for what was merged in later."""

    profile_id: UUID
    at: datetime
    value_class: ValueClass
    lifecycle: Stage
