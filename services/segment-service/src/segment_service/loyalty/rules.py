"""How loyal a customer is, by their orders: pure rules."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Final, Literal, NamedTuple

Direction = Literal["rising", "steady", "falling"]
STEADY: Final = Decimal("0.1")  # a change of less, up or down, is none
_CENT: Final = Decimal("0.01")
_ZERO: Final = Decimal(0)


class Bought(NamedTuple):
    """An order, or the part of one that is of a product line; `net` is None if its money has no rate."""

    order_id: str
    at: datetime
    net: Decimal | None


class Item(NamedTuple):
    """A line of an order: its product line, and price times quantity if there is a price."""

    category: str | None
    amount: Decimal | None


class Trend(NamedTuple):
    """Sales of the last period against the one before."""

    current: Decimal
    previous: Decimal
    change: float | None
    direction: Direction | None


class Loyalty(NamedTuple):
    """What some orders say; None where they are too few to say it."""

    orders: int
    order_days: int
    sales: Decimal
    tenure_days: int | None
    recency_days: int | None
    mean_gap_days: float | None
    regularity: float | None
    repeat_rate: float | None
    trend: Trend


def loyalty(bought: Sequence[Bought], now: datetime, period_days: int, repeat_days: int) -> Loyalty:
    """The figures of the orders up to `now`; days are days in UTC."""
    past = [each for each in bought if each.at <= now]
    days = sorted({each.at.date() for each in past})
    gaps = [(after - before).days for before, after in pairwise(days)]
    return Loyalty(
        orders=len({each.order_id for each in past}),
        order_days=len(days),
        sales=sum((each.net or _ZERO for each in past), _ZERO),
        tenure_days=(now - min(each.at for each in past)).days if past else None,
        recency_days=(now - max(each.at for each in past)).days if past else None,
        mean_gap_days=round(sum(gaps) / len(gaps), 2) if gaps else None,
        regularity=regularity(gaps),
        repeat_rate=repeat_rate(days, now.date(), repeat_days),
        trend=trend(past, now, timedelta(days=period_days)),
    )


def regularity(gaps: Sequence[int]) -> float | None:
    """1 less the coefficient of variation of the gaps between days with orders, at least 0; two gaps say something.

    1 is as regular as a clock; orders at random moments (a Poisson process) are near 0.
    """
    if len(gaps) < 2:
        return None
    mean = sum(gaps) / len(gaps)
    deviation = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
    return round(max(0.0, 1 - deviation / mean), 4)


def repeat_rate(days: Sequence[date], today: date, within: int) -> float | None:
    """The share of days with orders after which there was another within so many days; a day that is younger than
    that and has none yet says nothing."""
    followed = sum((after - before).days <= within for before, after in pairwise(days))
    waiting = bool(days) and (today - days[-1]).days < within
    judged = len(days) - waiting
    return round(followed / judged, 4) if judged else None


def trend(bought: Iterable[Bought], now: datetime, period: timedelta) -> Trend:
    """Sales of the last `period` against those of the one before; without sales before there is nothing to compare."""
    current = previous = _ZERO
    for each in bought:
        if each.at > now - period:
            current += each.net or _ZERO
        elif each.at > now - 2 * period:
            previous += each.net or _ZERO
    if previous <= 0:
        return Trend(current, previous, None, None)
    change = (current - previous) / previous
    direction: Direction = "rising" if change >= STEADY else "falling" if change <= -STEADY else "steady"
    return Trend(current, previous, round(float(change), 4), direction)


def by_line(bought: Iterable[Bought], items: Mapping[str, Sequence[Item]]) -> dict[str | None, list[Bought]]:
    """Each product line's part of each order; what has no line, or is in none, is under None."""
    found: dict[str | None, list[Bought]] = {}
    for order in bought:
        for category, net in divided(order.net, items.get(order.order_id, ())).items():
            found.setdefault(category, []).append(order._replace(net=net))
    return found


def divided(net: Decimal | None, items: Sequence[Item]) -> dict[str | None, Decimal | None]:
    """What an order is worth divided over its product lines by their amounts, or evenly over its lines if none has
    one; to the cent, and nothing is lost: refunds and rebates fall on all alike."""
    weights: dict[str | None, Decimal] = {}
    priced = any(each.amount is not None and each.amount > 0 for each in items)
    for each in items:
        weight = max(each.amount or _ZERO, _ZERO) if priced else Decimal(1)
        weights[each.category] = weights.get(each.category, _ZERO) + weight
    if not weights or net is None:
        return dict.fromkeys(weights or [None], net)
    whole, so_far, given = sum(weights.values()), _ZERO, _ZERO
    parts: dict[str | None, Decimal | None] = {}
    for category in sorted(weights, key=lambda each: (each is not None, each)):
        so_far += weights[category]
        upto = (net * so_far / whole).quantize(_CENT, ROUND_HALF_UP)
        parts[category], given = upto - given, upto
    return parts
