"""Rates as they are given and answered."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer

CODE = r"^[A-Z]{3}$"
Code = Annotated[str, Field(pattern=CODE, examples=["EUR"])]


def _sensible(day: date) -> date:
    if not 1900 <= day.year <= 2200:
        raise ValueError("the year must lie between 1900 and 2200")
    return day


def _plain(rate: Decimal) -> str:
    return f"{rate.normalize():f}"


Day = Annotated[date, AfterValidator(_sensible)]
Factor = Annotated[
    Decimal,
    Field(gt=0, lt=10**9, max_digits=21, decimal_places=12, examples=["1.0823"]),
    PlainSerializer(_plain, return_type=str),
]


class DatedRate(BaseModel):
    """One unit of the currency is worth `rate` units of the service's own, from a day (UTC) on until the next one."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    from_: Annotated[Day, Field(alias="from")]
    rate: Factor


class CurrencyRate(DatedRate):
    """A rate with its currency."""

    currency: Code


class RatesIn(BaseModel):
    """All rates of a currency."""

    model_config = ConfigDict(extra="forbid")

    rates: Annotated[list[DatedRate], Field(min_length=1, max_length=10_000)]


class BulkIn(BaseModel):
    """Rates of any currencies, to be added to those there are or to correct them."""

    model_config = ConfigDict(extra="forbid")

    rates: Annotated[list[CurrencyRate], Field(min_length=1, max_length=10_000)]


class BulkOut(BaseModel):
    """What came of it."""

    added: int
    corrected: int
    unchanged: int


class RateOut(CurrencyRate):
    """A rate as it is kept."""

    set_at: datetime


class RatesOut(BaseModel):
    """All rates of a currency in the order of their days; `to` is the service's own currency."""

    currency: Code
    to: Code
    rates: list[DatedRate]
