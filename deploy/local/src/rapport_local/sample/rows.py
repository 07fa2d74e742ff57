"""The rows of the data set that become messages, which households a sample has, and how far dates move."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

SMALL_SIZE: Final = 300


class Household(NamedTuple):
    """A household, the time of the first thing known of it, and its demographics where known."""

    household: int
    since: datetime
    demographics: Mapping[str, str]


class CategoryLine(NamedTuple):
    """What a basket holds of one product category; sales in cents, units as the tables count them."""

    category: str
    cents: int
    units: int


class Order(NamedTuple):
    """One basket; money in cents."""

    household: int
    basket: int
    store: int
    at: datetime
    cents: int
    discount_cents: int
    coupon_cents: int
    lines: list[CategoryLine]


class Mailing(NamedTuple):
    """A campaign's letter to one household; the campaign runs until `ends`."""

    household: int
    campaign: int
    campaign_type: str
    at: datetime
    ends: datetime


class Redemption(NamedTuple):
    """A coupon of a campaign, handed in."""

    household: int
    coupon: int
    campaign: int
    at: datetime


Row = Household | Mailing | Order | Redemption


def choose(cents: Mapping[int, int], sample: str) -> list[int]:
    """Households of `sample` ("small" or "full") out of {household: sales in cents}, by rising sales.

    Small is every so-many-th in the order of sales, so that it has the value distribution of all.
    Raises ValueError for another name.
    """
    ranked = sorted(cents, key=lambda household: (cents[household], household))
    if sample == "full":
        return ranked
    if sample == "small":
        return [ranked[(2 * place + 1) * len(ranked) // (2 * SMALL_SIZE)] for place in range(SMALL_SIZE)]
    raise ValueError(f"there is no sample {sample!r}: it is small or full")


def shift_to(now: datetime, last_at: datetime) -> timedelta:
    """Whole weeks that bring `last_at` to at most seven days before `now`, and not after it."""
    return (now - last_at) // timedelta(weeks=1) * timedelta(weeks=1)
