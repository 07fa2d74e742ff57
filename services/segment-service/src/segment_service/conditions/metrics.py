"""Figures of a customer that rules may compare. One line adds one: its name, and where it is read. Pure."""

from collections.abc import Mapping
from typing import Final, Literal

# Plain columns of the relation `customer`, all DECIMAL; a customer without the figure has NULL.
COLUMNS: Final[Mapping[str, str]] = {
    "orders": "orders",
    "revenue": "revenue",
    "profit": "profit",
    "period_orders": "period_orders",
    "period_revenue": "period_revenue",
    "r": "r",
    "f": "f",
    "m": "m",
    "p_alive": "p_alive",
    "expected_orders": "expected_orders",
    "clv_12m": "clv_12m",
    "referrals": "referrals",
    "referral_value": "referral_value",
    "cost_to_serve": "cost_to_serve",
}
# Whole days since a time, as a person counts them: 0 within the first 24 hours.
AGES: Final[Mapping[str, str]] = {"recency_days": "last_order_at", "tenure_days": "first_order_at"}
AOV: Final = "aov"
RFM: Final = "rfm"

NUMBERS: Final[tuple[str, ...]] = (*AGES, *COLUMNS, AOV)
METRICS: Final[tuple[str, ...]] = (*NUMBERS, RFM)

AggregateKind = Literal["count", "sum", "avg", "min", "max", "distinct", "first", "last"]
