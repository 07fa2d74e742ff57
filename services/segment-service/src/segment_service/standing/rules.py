"""Lifecycle stages and RFM groups: pure rules."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

Stage = Literal["prospect", "new", "established", "at_risk", "lapsed", "won_back"]
STAGES: Final[tuple[Stage, ...]] = ("prospect", "new", "established", "at_risk", "lapsed", "won_back")


LapseBy = Literal["cadence", "p_alive"]


@dataclass(frozen=True, slots=True)
class Dropout:
    """A fitted BG/NBD model (see `clv.bg_nbd`), with `alpha` in seconds."""

    r: float
    alpha: float
    a: float
    b: float

    def silence(self, alive: float, purchases: int, span: float) -> float:
        """Seconds without an order after which the probability of being alive has fallen to `alive`.

        `purchases` are the days with orders after the first one, at least one, and `span` the seconds from the first
        order to the last. The formula of `clv.bg_nbd.p_alive`, solved for the time.
        """
        odds = (1 / alive - 1) * (self.b + purchases - 1) / self.a
        return (self.alpha + span) * float(odds ** (1 / (self.r + purchases))) - self.alpha - span


@dataclass(frozen=True, slots=True)
class LifecycleRule:
    """When a customer changes stage; silence is counted from the last order, a gap between days with orders.

    New for `new_days` from the first order or until `new_order_days` days with orders, then established. At risk when
    silent for `at_risk_gaps` of the customer's own mean gap, at least `at_risk_days`; lapsed after `lapsed_gaps` of
    them, within `lapsed_days` to `lapsed_days_at_most`. With one day of orders there is no cadence yet: new, then at
    risk from the end of `new_days`, lapsed after `lapsed_days`. An order that ends a silence in which the customer,
    by the gaps before it, had lapsed, makes them won back for `won_back_days`.

    With `lapse_by` of `p_alive` and a model (`dropout`), whoever came back at least once is at risk, instead, when the
    probability that they are alive falls to `at_risk_p_alive`, not before `at_risk_days`, and lapsed when it falls to
    `lapsed_p_alive`, not after `lapsed_days_at_most`.
    """

    new_days: int = 90
    new_order_days: int = 3
    at_risk_days: int = 60
    at_risk_gaps: float = 2.0
    lapsed_days: int = 365
    lapsed_gaps: float = 4.0
    lapsed_days_at_most: int = 1_095
    won_back_days: int = 90
    lapse_by: LapseBy = "cadence"
    at_risk_p_alive: float = 0.5
    lapsed_p_alive: float = 0.2
    dropout: Dropout | None = None


class Milestones(NamedTuple):
    """What the orders say about stages, now and later, until the next order; None where there is no such time."""

    first_order_at: datetime | None
    established_at: datetime | None
    returned_at: datetime | None
    won_back_until: datetime | None
    at_risk_from: datetime | None
    lapsed_from: datetime | None
    contacted_at: datetime | None


class Bound(NamedTuple):
    """The last customer of a class."""

    value_class: str
    sales: Decimal
    last_order_at: datetime
    profile_id: UUID


class Quintiles(NamedTuple):
    """Upper bounds of the lower four fifths of all who ever ordered."""

    recency: list[datetime]
    frequency: list[int]
    revenue: list[Decimal]


class FixedScores(NamedTuple):
    """Bounds that the firm fixed: days since the last order, orders and revenue, each from low to high."""

    days: tuple[int, ...]
    orders: tuple[int, ...]
    revenue: tuple[Decimal, ...]

    def at(self, now: datetime) -> Quintiles:
        """The same as bounds of times, orders and sums."""
        recency = [now - timedelta(days=each) for each in reversed(self.days)]
        return Quintiles(recency, list(self.orders), list(self.revenue))


class Ranks(NamedTuple):
    """What a ranking of everybody found; `customers` of them are in the file of scores."""

    customers: int
    bounds: list[Bound]
    quintiles: Quintiles

    @property
    def columns(self) -> tuple[list[Any], ...]:
        """Class, sales, last order and id of the last customers of classes, then the bounds of recency to revenue."""
        last = ([each[place] for each in self.bounds] for place in range(4))
        return (*last, *self.quintiles)


def stage_at(milestones: Milestones, at: datetime) -> tuple[Stage, datetime | None]:
    """The stage at a time after the last order, and since when."""
    first, established, returned, won_back_until, at_risk, lapsed, contacted = milestones
    if first is None or established is None or at_risk is None or lapsed is None:
        return "prospect", contacted
    if at >= lapsed:
        return "lapsed", lapsed
    if at >= at_risk:
        return "at_risk", at_risk
    if won_back_until is not None and at < won_back_until:
        return "won_back", returned
    if at < established:
        return "new", first
    return "established", max(established, won_back_until or established)


# Rows are R 1 to 5, columns FM 1 to 5.
_GROUPS: Final = (
    ("lost", "hibernating", "at_risk", "cant_lose", "cant_lose"),
    ("hibernating", "hibernating", "at_risk", "at_risk", "at_risk"),
    ("about_to_sleep", "about_to_sleep", "needs_attention", "loyal", "loyal"),
    ("promising", "potential_loyalist", "potential_loyalist", "loyal", "champions"),
    ("new", "potential_loyalist", "potential_loyalist", "champions", "champions"),
)


def rfm_group(r: int, f: int, m: int) -> str:
    """The named group of three scores 1..5, by R and the mean of F and M rounded up.

    The eleven groups of the usual grid (Putler, "RFM Analysis for Successful Customer Segmentation"); where its ranges
    overlap, the group of the more recent customers ends first.
    """
    return _GROUPS[r - 1][(f + m + 1) // 2 - 1]
