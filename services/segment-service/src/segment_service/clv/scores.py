"""What a fitted model expects of customers: pure calculation over arrays of the shape (customers,)."""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from segment_service.clv import bg_nbd, gamma_gamma
from segment_service.clv.bg_nbd import BgNbd
from segment_service.clv.gamma_gamma import GammaGamma
from segment_service.clv.maximum import Floats

_YEAR_DAYS: Final = 365.0
_MOST_ORDERS: Final = 99_999_999.0
_MOST_MONEY: Final = 1e20
_SPARSE: Final = 16


class Model(NamedTuple):
    """A fit: `unit_days` is the length of its unit of time, `spend` None without enough amounts of money."""

    purchases: BgNbd
    spend: GammaGamma | None
    unit_days: float
    horizon_days: int


class Summary(NamedTuple):
    """What is known of each customer.

    `x` repeat purchases, `t_x` and `t` whole days from the first purchase to the last and to now; `spent` on
    `spent_days` of the repeat purchases; `margin` earned of each unit of revenue, not a number where costs are not
    known.
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
    days = np.maximum(known.t, known.t_x)
    alive = bg_nbd.p_alive(model.purchases, known.x, known.t_x / unit, days / unit)
    # Of those who are still customers the expectation depends on these two alone, which many share.
    xs, at_x = _levels(known.x)
    ts, at_t = _levels(days)
    pairs, rows = _levels(at_x * len(ts) + at_t)
    x, watched = xs[pairs // len(ts)].astype(np.float64), ts[pairs % len(ts)] / unit

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


def _levels(values: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The distinct ones of whole numbers from 0 on, rising, and the place of each value among them."""
    whole = values.astype(np.int64)
    if not len(whole) or int(whole.max()) > _SPARSE * len(whole):
        return np.unique(whole, return_inverse=True)
    # Marking what occurs is several times as fast as sorting.
    occurs = np.zeros(int(whole.max()) + 1, dtype=bool)
    occurs[whole] = True
    return np.flatnonzero(occurs), (np.cumsum(occurs) - 1)[whole]
