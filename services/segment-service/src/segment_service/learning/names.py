"""What features are called, and how their values are shown."""

import math
from typing import Final

_PLAIN: Final = {
    "recency_days": "days since the last order",
    "tenure_days": "days since the first order",
    "orders": "orders",
    "revenue": "sales",
    "aov": "sales an order",
    "period_orders": "orders in the last year",
    "period_revenue": "sales in the last year",
    "margin": "profit share of sales",
    "gap_days": "days between orders",
    "irregularity": "irregularity of the time between orders",
    "items": "items an order",
    "categories": "different categories bought",
    "weekend": "share of orders on Saturday and Sunday",
    "age": "age",
    "contacts": "contacts",
}
_PREFIXES: Final = {
    "category": "share of {} in what they buy",
    "channel": "share of {} in their contacts",
    "event": "times of {}",
    "trait": "{}",
}


def named(column: str) -> str:
    """A column in words."""
    if column in _PLAIN:
        return _PLAIN[column]
    prefix, _, rest = column.partition(":")
    return _PREFIXES[prefix].format(rest) if rest and prefix in _PREFIXES else column


def shown(column: str, value: float) -> str:
    """A value of a feature as people read it."""
    if math.isnan(value):
        return "unknown"
    if column.startswith(("category:", "channel:")) or column in {"weekend", "margin"}:
        return f"{value:.0%}"
    return f"{value:,.0f}" if abs(value) >= 20 or value == round(value) else f"{value:,.1f}"
