"""What a fitted model expects of customers: pure calculation over arrays of the shape (customers,)."""

from typing import Final, NamedTuple

import numpy as np

from segment_service.clv import bg_nbd, gamma_gamma
from segment_service.clv.bg_nbd import BgNbd
from segment_service.clv.gamma_gamma import GammaGamma
from segment_service.clv.maximum import Floats

_YEAR_DAYS: Final = 365.0
_MOST_ORDERS: Final = 99_999_999.0
_MOST_MONEY: Final = 1e20


class Model(NamedTuple):
    """A fit: `unit_days` is the length of its unit of time, `spend` None without enough amounts of money."""

    purchases: BgNbd
    spend: GammaGamma | None
    unit_days: float
    horizon_days: int


class Summary(NamedTuple):
    """What is known of each customer.

    `x` repeat purchases, `t_x` and `t` days from the first purchase to the last and to now; `spent` on `spent_days` of
    the repeat purchases; `margin` earned of each unit of revenue, not a number where costs are not known.
    """

    x: Floats
    t_x: Floats
    t: Floats
    spent_days: Floats
    spent: Floats
    margin: Floats


class Scores(NamedTuple):
    """What is expected; `value` within the horizon and `clv_12m` within 365 days, not a number without `spend`.

    They are margin where it is known, else revenue.
    """

    p_alive: Floats
    expected_orders: Floats
    value: Floats
    clv_12m: Floats


def scores(model: Model, known: Summary) -> Scores:
    """Scores of customers, in their order."""
    unit = model.unit_days
    t_x, t = known.t_x / unit, np.maximum(known.t, known.t_x) / unit
    alive = bg_nbd.p_alive(model.purchases, known.x, t_x, t)
    # Of those who are still customers the expectation depends on these two alone, which many share.
    xs, at_x = np.unique(known.x, return_inverse=True)
    ts, at_t = np.unique(t, return_inverse=True)
    pairs, rows = np.unique(at_x * len(ts) + at_t, return_inverse=True)
    x, watched = xs[pairs // len(ts)], ts[pairs % len(ts)]

    def expected(days: float) -> Floats:
        shared = bg_nbd.while_alive(model.purchases, days / unit, x, watched)
        return np.clip(shared[rows] * alive, 0, _MOST_ORDERS)

    orders = expected(model.horizon_days)
    yearly = orders if model.horizon_days == _YEAR_DAYS else expected(_YEAR_DAYS)
    if model.spend is None:
        nothing = np.full(alive.shape, np.nan)
        return Scores(alive, orders, nothing, nothing)
    mean = known.spent / np.maximum(known.spent_days, 1)
    worth = gamma_gamma.expected_spend(model.spend, known.spent_days, mean)
    worth = worth * np.where(np.isnan(known.margin), 1.0, known.margin)
    return Scores(alive, orders, *(np.clip(each * worth, -_MOST_MONEY, _MOST_MONEY) for each in (orders, yearly)))
