"""The pyramid as it is answered."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from segment_service.money import Money
from segment_service.pyramid.rules import Basis


class PyramidPeriod(BaseModel):
    """Orders from `from` up to `to` count."""

    from_: Annotated[datetime, Field(serialization_alias="from", validation_alias="from")]
    to: datetime


class PyramidClass(BaseModel):
    """One class: its share of all known customers and of the sales in the period.

    `customers` is null for the rest of the world if the size of the market is not configured; it has no share of
    customers. `profit` and `share_of_profit` are there when the basis is profit.
    """

    value_class: Literal["top", "large", "medium", "small", "inactive", "prospect", "suspect", "rest_of_world"]
    customers: int | None
    share_of_customers: float | None
    sales: Money
    share_of_sales: float
    profit: Money | None = None
    share_of_profit: float | None = None


class Pyramid(BaseModel):
    """The eight classes, best first; `notes` says what the sums leave out."""

    as_of: datetime
    basis: Basis
    period: PyramidPeriod
    currency: str
    classes: list[PyramidClass]
    notes: list[str]
