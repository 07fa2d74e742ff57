"""Gamma-Gamma: what a customer spends on a purchase.

Fader and Hardie, "The Gamma-Gamma Model of Monetary Value" (2013); equation numbers are that note's. What a customer
spends varies around their own mean by a gamma distribution (shape `p`), and its rate over customers by another (shape
`q`, rate `v`). It does not depend on how often they buy.

Of each customer the model needs `x`, the number of repeat purchases, at least one, and `mean`, what they spent on one
of them on average, above zero. `v` is in the same money. Arrays have the shape (customers,).
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, gammaln

from segment_service.clv.maximum import Floats, maximise

# With q up to 1 the mean over all customers would not exist.
_BOUNDS: Final = ((1e-3, 1e5), (1.05, 1e5), (1e-6, 1e12))


class GammaGamma(NamedTuple):
    """Parameters of the model; `v` is money."""

    p: float
    q: float
    v: float


class Fitted(NamedTuple):
    """The model of the greatest likelihood; `bounded` names parameters that ran into a bound."""

    model: GammaGamma
    log_likelihood: float
    bounded: list[str]


def fit(x: ArrayLike, mean: ArrayLike) -> Fitted:
    """The model of the greatest likelihood (equation 1a); raises `NotFitted` when none could be found."""
    levels, at_x = np.unique(np.asarray(x, dtype=np.float64), return_inverse=True)
    means = np.asarray(mean, dtype=np.float64)
    counts = np.bincount(at_x).astype(np.float64)
    repeats = levels[at_x]
    # Money has any unit: around one, the search behaves alike for all.
    unit = float(means.mean())
    sums = repeats * means / unit
    fixed = -float(np.log(means).sum())
    size = float(len(means))

    def likelihood(parameters: Floats) -> tuple[float, Floats]:
        p, q, v = parameters
        whole = v + sums
        of_v, of_sum = np.log(v / whole), np.log(sums / whole)
        shape = p * levels
        value = counts @ (gammaln(shape + q) - gammaln(shape)) - size * gammaln(q)
        value += q * of_v.sum() + p * (repeats @ of_sum) + fixed
        in_p = (counts * levels) @ (digamma(shape + q) - digamma(shape)) + repeats @ of_sum
        in_q = counts @ digamma(shape + q) - size * digamma(q) + of_v.sum()
        in_v = size * q / v - ((p * repeats + q) / whole).sum()
        return float(value), np.array([in_p, in_q, in_v])

    starts = [(1.0, 2.0, 1.0), (5.0, 4.0, 0.5), (20.0, 10.0, 0.5)]
    found = maximise(likelihood, size, starts, _BOUNDS)
    p, q, v = map(float, found.parameters)
    return Fitted(GammaGamma(p, q, v * unit), found.log_likelihood, [GammaGamma._fields[i] for i in found.bounded])


def expected_spend(model: GammaGamma, x: ArrayLike, mean: ArrayLike) -> Floats:
    """What each will spend on a purchase (equation 5), in the money of `v`.

    It lies between their own mean and everybody's, the nearer to their own the more often they bought; with `x` of 0 it
    is everybody's.
    """
    p, q, v = model
    x, mean = (np.asarray(each, dtype=np.float64) for each in (x, mean))
    return np.asarray(p * (v + x * mean) / (p * x + q - 1), dtype=np.float64)
