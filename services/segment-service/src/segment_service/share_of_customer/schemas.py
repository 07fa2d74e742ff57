"""What customers spend elsewhere, as it is given and answered."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints, model_validator
from rapport.text import CleanText

from segment_service.money import Money
from segment_service.pyramid.rules import ValueClass
from segment_service.pyramid.schemas import Moment
from segment_service.rates.schemas import Code
from segment_service.share_of_customer.rules import Origin, Quadrant

Amount = Annotated[
    Decimal,
    Field(ge=0, lt=10**15, max_digits=17, decimal_places=2, examples=["12000.00"]),
    PlainSerializer(lambda amount: f"{amount:.2f}", return_type=str),
]
Short = Annotated[CleanText, StringConstraints(strip_whitespace=True, min_length=1, max_length=256)]
Share = Annotated[float, Field(ge=0, le=1)]
ShareIn = Annotated[Decimal, Field(ge=0, le=1, max_digits=7, decimal_places=6)]


class EstimateIn(BaseModel):
    """What a customer spends a year, of one category of goods or, without one, in all, wherever they buy.

    `at` is when it was said or estimated, now if not given; the same origin and time again puts that word right.
    """

    model_config = ConfigDict(extra="forbid")

    amount: Amount
    currency: Code | None = None
    category: Short | None = None
    origin: Origin
    source: Short | None = None
    at: Moment | None = None


class EstimateOut(BaseModel):
    """A word on a customer's spending a year."""

    amount: Amount
    currency: Code
    category: str | None
    origin: Origin
    source: str | None
    at: datetime


class Estimates(BaseModel):
    """The last 500 words on a customer's spending, newest first."""

    profile_id: UUID
    items: list[EstimateOut]


class CompetitorIn(BaseModel):
    """What is known of a competitor: their share of all that the customer buys, or the amount a year."""

    model_config = ConfigDict(extra="forbid")

    share: ShareIn | None = None
    amount: Amount | None = None
    currency: Code | None = None
    source: Short | None = None

    @model_validator(mode="after")
    def _of_an_amount(self) -> Self:
        if self.currency is not None and self.amount is None:
            raise ValueError("a currency needs an amount")
        return self


class CompetitorOut(BaseModel):
    """A competitor who serves the customer."""

    name: str
    share: Share | None
    amount: Amount | None
    currency: Code | None
    source: str | None
    at: datetime


class BenchmarkItem(BaseModel):
    """What customers of this kind, size and class usually spend a year in all; what is not given fits everybody."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["person", "organisation"] | None = None
    size: Short | None = None
    value_class: ValueClass | None = None
    amount: Amount


class Benchmarks(BaseModel):
    """What is usual, in the service's own currency; the first that fits a customer counts."""

    model_config = ConfigDict(extra="forbid")

    benchmarks: Annotated[list[BenchmarkItem], Field(max_length=1_000)]


class Total(BaseModel):
    """What a customer spends in the period wherever they buy, and whence that is known."""

    amount: Money
    origin: Origin
    source: str | None
    at: datetime | None


class CategoryShare(BaseModel):
    """The same for one category of order lines."""

    category: str
    own: Money
    total: Money | None
    share: Share | None
    origin: Origin


class Judged(BaseModel):
    """A customer's own sales in the period against all that they buy; `quadrant` says why a small one is small.

    A share is at most 1; null if nobody knows the total. `quadrant` is null for top, large and medium.
    """

    profile_id: UUID
    value_class: ValueClass
    own: Money
    share: Share | None
    open_potential: Money | None
    quadrant: Quadrant | None
    reasons: list[str]


class ShareOfCustomer(Judged):
    """One customer, with all that is known."""

    as_of: datetime
    period_days: int
    total: Total | None
    categories: list[CategoryShare]
    competitors: list[CompetitorOut]


class ShareItem(Judged):
    """A customer of the list."""

    total: Money
    origin: Origin
    competitors: list[str]


class SharePage(BaseModel):
    """A page of customers of whom somebody said what they spend, biggest open potential first.

    A page may have fewer items than asked for, even none, and others behind it, if few customers fit the quadrant.
    """

    as_of: datetime
    period_days: int
    items: list[ShareItem]
    next_cursor: str | None
