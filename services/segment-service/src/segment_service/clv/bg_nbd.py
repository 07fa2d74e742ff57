"""BG/NBD: how often customers buy while they are customers, and whether they still are.

Fader, Hardie and Lee, "'Counting Your Customers' the Easy Way: An Alternative to the Pareto/NBD Model", Marketing
Science 24 (2005). Equation numbers are that paper's. A customer buys at a rate that is gamma distributed over
customers (shape `r`, rate `alpha`), and after each purchase leaves for good with a probability that is beta
distributed (`a`, `b`).

Of each customer the model needs `x`, the number of repeat purchases, `t_x`, when the last of them was, and `t`, how
long they were watched; both since the first purchase, in one unit of time. `alpha` is in that unit. Arrays have the
shape (customers,).
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, digamma, expit, gammaln, hyp2f1

from segment_service.clv.maximum import Floats, maximise

_BOUNDS: Final = ((1e-4, 1e4), (1e-3, 1e7), (1e-5, 1e4), (1e-4, 1e4))
# a = 1 is a removable pole of the conditional expectation.
_POLE: Final = 1e-6


class BgNbd(NamedTuple):
    """Parameters of the model; `alpha` is in units of time."""

    r: float
    alpha: float
    a: float
    b: float


class Fitted(NamedTuple):
    """The model of the greatest likelihood; `bounded` names parameters that the data leave without a limit."""

    model: BgNbd
    log_likelihood: float
    bounded: list[str]


class Sample:
    """Customers with equal figures counted together: `weights` says how many each row stands for."""

    def __init__(self, x: ArrayLike, t_x: ArrayLike, t: ArrayLike, weights: ArrayLike | None = None) -> None:
        columns = [np.asarray(each, dtype=np.float64) for each in (x, t_x, t)]
        counts = np.ones(columns[0].shape) if weights is None else np.asarray(weights, dtype=np.float64)
        levels, places = zip(*(np.unique(each, return_inverse=True) for each in columns), strict=True)
        sizes = [len(each) for each in levels]
        keys, rows = np.unique(np.ravel_multi_index(places, sizes), return_inverse=True)
        self.counts = np.bincount(rows, counts)
        self.size = float(self.counts.sum())
        # Logarithms and gamma functions are taken once for each value, and looked up by row.
        self.purchases, self.last, self.watched = levels
        self.at_x, self.at_last, self.at_watched = np.unravel_index(keys, sizes)
        self.x = self.purchases[self.at_x]
        self.repeated = self.x > 0
        self.by_x = np.bincount(self.at_x, self.counts)

    def likelihood(self, parameters: Floats) -> tuple[float, Floats]:
        """Log-likelihood (equation 6) and its gradient by r, alpha, a, b."""
        r, alpha, a, b = parameters
        levels, by_x, counts = self.purchases, self.by_x, self.counts
        log_watched = np.log(alpha + self.watched)[self.at_watched]
        log_last = np.log(alpha + self.last)[self.at_last]
        exponent = r + self.x
        leaving = (np.log(a) - np.log(np.maximum(b + levels - 1, 1e-300)))[self.at_x]
        # One customer's likelihood is a common factor times e^stayed + e^left.
        gap = np.where(self.repeated, leaving + exponent * (log_watched - log_last), -np.inf)
        left = expit(gap)
        common = gammaln(r + levels) - gammaln(r) + r * np.log(alpha) + betaln(a, b + levels) - betaln(a, b)
        value = by_x @ common + counts @ (np.logaddexp(0.0, gap) - exponent * log_watched)

        stay = counts * (1 - left)
        gone = counts * left
        # B(a, b + x) / B(a, b) is written with the beta function, whose first member adds psi(a) - psi(a) = 0.
        in_r = by_x @ (digamma(r + levels) - digamma(r) + np.log(alpha)) - stay @ log_watched - gone @ log_last
        in_alpha = self.size * r / alpha - stay @ (exponent / (alpha + self.watched)[self.at_watched])
        in_alpha -= gone @ (exponent / (alpha + self.last)[self.at_last])
        in_a = by_x @ (digamma(a + b) - digamma(a + b + levels)) + gone.sum() / a
        in_b = by_x @ (digamma(a + b) + digamma(b + levels) - digamma(b) - digamma(a + b + levels))
        in_b -= gone[self.repeated] @ (1 / (b + self.x[self.repeated] - 1))
        return float(value), np.array([in_r, in_alpha, in_a, in_b])


def fit(x: ArrayLike, t_x: ArrayLike, t: ArrayLike, weights: ArrayLike | None = None) -> Fitted:
    """The model of the greatest likelihood; rows of customers, `weights` if one row stands for several.

    Raises `NotFitted` when the likelihood has no maximum that could be found.
    """
    sample = Sample(x, t_x, t, weights)
    typical = max(float(sample.watched.mean()), 1e-3)
    starts = [(1.0, typical, 1.0, 1.0), (0.3, typical / 5, 0.5, 2.0), (3.0, typical * 5, 0.1, 5.0)]
    found = maximise(sample.likelihood, sample.size, starts, _BOUNDS)
    bounded = [BgNbd._fields[place] for place in found.bounded]
    return Fitted(BgNbd(*map(float, found.parameters)), found.log_likelihood, bounded)


def p_alive(model: BgNbd, x: ArrayLike, t_x: ArrayLike, t: ArrayLike) -> Floats:
    """The probability that each is still a customer (Fader, Hardie and Lee, "Computing P(alive)", 2008).

    It is 1 without a repeat purchase: the model lets nobody leave before one.
    """
    x, t_x, t = (np.asarray(each, dtype=np.float64) for each in (x, t_x, t))
    return np.asarray(1 / (1 + _odds(model, x, t_x, t)), dtype=np.float64)


def expected_purchases(model: BgNbd, horizon: float, x: ArrayLike, t_x: ArrayLike, t: ArrayLike) -> Floats:
    """Purchases expected of each within `horizon` units of time after they were watched (equation 10)."""
    x, t = (np.asarray(each, dtype=np.float64) for each in (x, t))
    return np.asarray(while_alive(model, horizon, x, t) * p_alive(model, x, t_x, t), dtype=np.float64)


def while_alive(model: BgNbd, horizon: float, x: Floats, t: Floats) -> Floats:
    """The same of those who are still customers: of equation 10 what does not depend on the last purchase."""
    r, alpha, a, b = model
    if abs(a - 1) < _POLE:
        a = 1 + _POLE
    far = horizon / (alpha + t + horizon)
    near = 1 - far
    upper, lower, base = r + x, b + x, a + b + x - 1
    # Euler's transformation keeps the series away from its singularity at 1.
    plain = a - 1 - upper > 0
    series = np.where(
        plain,
        near**upper * hyp2f1(upper, lower, base, np.where(plain, far, 0.0)),
        near ** (a - 1) * hyp2f1(base - upper, base - lower, base, np.where(plain, 0.0, far)),
    )
    return np.asarray(base / (a - 1) * (1 - series), dtype=np.float64)


def _odds(model: BgNbd, x: Floats, t_x: Floats, t: Floats) -> Floats:
    """How much likelier it is that they have left."""
    r, alpha, a, b = model
    repeated = x > 0
    logs = np.log(a) - np.log(np.where(repeated, b + x - 1, 1.0)) + (r + x) * (np.log(alpha + t) - np.log(alpha + t_x))
    return np.where(repeated, np.exp(np.minimum(logs, 700.0)), 0.0)
