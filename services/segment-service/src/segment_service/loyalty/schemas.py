"""Loyalty as it is answered."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from segment_service.loyalty.rules import Direction
from segment_service.money import Money

Share = Annotated[float, Field(ge=0, le=1)]


class TrendOut(BaseModel):
    """Sales of the last period against those of the period before.

    `change` is their relative difference (0.25 is a quarter more), from ten per cent on it is a direction; both are
    null if there were no sales in the period before.
    """

    current: Money
    previous: Money
    change: float | None
    direction: Direction | None


class LoyaltyOut(BaseModel):
    """How long, how regularly and how much they buy, over all time; cancelled orders are left out.

    `regularity` is 1 less the coefficient of variation of the gaps between days with orders, at least 0: 1 is like a
    clock, null with fewer than three days. `repeat_rate` is the share of days with orders that another followed within
    `repeat_days`, days that are too young to tell left out.
    """

    orders: int
    order_days: int
    sales: Money
    tenure_days: int | None
    recency_days: int | None
    mean_gap_days: float | None
    regularity: Share | None
    repeat_rate: Share | None
    trend: TrendOut


class LineLoyalty(LoyaltyOut):
    """The same for the lines of one category; null is what has none.

    An order's worth, after refunds, is divided over its lines by their amounts, so that the categories add up to the
    customer's sales. An order with several categories counts in each, so their shares of orders may exceed 1 together.
    """

    category: str | None
    share_of_sales: float | None
    share_of_orders: Share


class ProfileLoyalty(BaseModel):
    """A customer's loyalty to the firm and to each product line, most sales first."""

    profile_id: UUID
    as_of: datetime
    currency: str
    period_days: int
    repeat_days: int
    firm: LoyaltyOut
    lines: list[LineLoyalty]


class ProductLine(BaseModel):
    """One product line over all customers and all time; `repeat_rate` is the share of its customers who bought it on
    more than one day, `share_of_customers` that of all who ever ordered."""

    category: str | None
    customers: int
    share_of_customers: Share
    repeat_rate: Share
    orders: int
    sales: Money
    share_of_sales: float | None


class ProductLines(BaseModel):
    """All product lines, most sales first."""

    as_of: datetime
    currency: str
    items: list[ProductLine]
