"""The pyramid as it is asked for and answered."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, Field, model_validator

from segment_service.money import Money
from segment_service.pyramid.rules import Basis, CutBy, Cutoffs, ValueClass
from segment_service.settings import SegmentSettings

_day = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


def _sensible(at: datetime) -> datetime:
    if not 1900 <= at.year <= 2200:
        raise ValueError("the year must lie between 1900 and 2200")
    return at


def _end_of_day(given: object) -> object:
    return f"{given}T23:59:59.999999Z" if isinstance(given, str) and _day.match(given) else given


Moment = Annotated[AwareDatetime, AfterValidator(_sensible), BeforeValidator(_end_of_day)]
Share = Annotated[Decimal, Field(gt=0, lt=1, max_digits=7, decimal_places=6)]


class Ranked(BaseModel):
    """By what and over which time active customers are ranked, and where the classes end.

    `top_share`, `large_share` and `medium_share` are cumulative, of customers or of sales as `cutoffs_by` says; what
    is not given is as configured.
    """

    basis: Annotated[Basis, Field(description="What active customers are ranked by")] = "revenue"
    period_days: Annotated[int | None, Field(ge=1, le=36_500, description="Who ordered within it is active")] = None
    cutoffs_by: Annotated[CutBy | None, Field(description="Classes end at shares of customers, or of sales")] = None
    top_share: Share | None = None
    large_share: Annotated[Share | None, Field(description="Top and large together")] = None
    medium_share: Annotated[Share | None, Field(description="Top, large and medium together")] = None

    @model_validator(mode="after")
    def _all_or_none(self) -> Self:
        given = [share for share in (self.top_share, self.large_share, self.medium_share) if share is not None]
        if given and (len(given) < 3 or sorted(given) != given):
            raise ValueError("top_share, large_share and medium_share are given together, and must not fall")
        return self

    def days(self, settings: SegmentSettings) -> int:
        """The length of the period."""
        return self.period_days or settings.period_days

    def cutoffs(self, settings: SegmentSettings) -> Cutoffs:
        """Where the classes end."""
        by = self.cutoffs_by or settings.cutoffs_by
        if self.top_share is None or self.large_share is None or self.medium_share is None:
            return settings.cutoffs_of(by)
        return Cutoffs.of((self.top_share, self.large_share, self.medium_share), by)


class PyramidQuery(Ranked):
    """A pyramid, now or at a time."""

    as_of: Annotated[
        Moment | None,
        Field(description="Later orders are left out; without a time, the end of the day in UTC; now if not given"),
    ] = None


class CustomersQuery(PyramidQuery):
    """A list of customers of the pyramid."""

    value_class: Annotated[list[ValueClass], Field(max_length=7, description="These classes; all if not given")] = []
    below_zero: Annotated[bool, Field(description="Only customers with a profit below zero, largest loss first")] = (
        False
    )
    limit: Annotated[int, Field(ge=1, le=500, description="How many items at most")] = 50
    cursor: Annotated[str | None, Field(max_length=1000, description="`next_cursor` of the page before")] = None


class PyramidPeriod(BaseModel):
    """Orders from `from` up to `to` count."""

    from_: Annotated[datetime, Field(serialization_alias="from", validation_alias="from")]
    to: datetime


class CutoffsOut(BaseModel):
    """Cumulative shares at which classes end, of active customers or of their sales."""

    by: CutBy
    top: float
    large: float
    medium: float


class BelowZero(BaseModel):
    """How many customers cost more than they bring, and how much together, an amount below zero.

    A customer of whom the cost of some order in the period is not known is not counted.
    """

    customers: int
    profit: Money


class PyramidClass(BaseModel):
    """One class: its share of all known customers and of the sales in the period.

    `customers` is null for the rest of the world if the size of the market is not configured; it has no share of
    customers. `profit` and `share_of_profit` are there when the basis is profit. `cost_to_serve` is what contacts and
    tasks in the period cost, null if the cost of none is known; profit is what remains after it.
    """

    value_class: Literal["top", "large", "medium", "small", "inactive", "prospect", "suspect", "rest_of_world"]
    customers: int | None
    share_of_customers: float | None
    sales: Money
    share_of_sales: float
    profit: Money | None = None
    share_of_profit: float | None = None
    cost_to_serve: Money | None
    below_zero: BelowZero


class Pyramid(BaseModel):
    """The eight classes, best first; `notes` says what the sums leave out."""

    as_of: datetime
    basis: Basis
    period: PyramidPeriod
    cutoffs: CutoffsOut
    currency: str
    classes: list[PyramidClass]
    notes: list[str]


class PyramidCustomer(BaseModel):
    """One customer in the period; `place` is the rank, 1 is best, null for who is not active.

    `profit` sums up the orders whose cost is known, less the cost to serve. Who never ordered is listed if contacts
    with them cost something.
    """

    profile_id: UUID
    value_class: ValueClass
    place: int | None
    orders: int
    sales: Money
    profit: Money
    cost_to_serve: Money | None
    last_order_at: datetime | None


class PyramidCustomers(BaseModel):
    """A page of customers; `total`, `sales` and `profit` are those of all pages."""

    as_of: datetime
    basis: Basis
    period: PyramidPeriod
    total: int
    sales: Money
    profit: Money
    items: list[PyramidCustomer]
    next_cursor: str | None
