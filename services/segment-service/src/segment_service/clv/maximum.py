"""Maximum likelihood over positive parameters."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from segment_service.clv.errors import NotFitted

Floats: TypeAlias = NDArray[np.float64]
Likelihood = Callable[[Floats], tuple[float, Floats]]
"""Parameters to the log-likelihood and its gradient by them."""

_STEPS: Final = 1_000
# Of the mean log-likelihood by the logarithm of a parameter; where the optimum lies at infinity it fades out too.
_FLAT: Final = 1e-5
_NEAR: Final = 1e-3


class Optimum(NamedTuple):
    """Parameters of the greatest likelihood, and which of them (by place) ran into a bound."""

    parameters: Floats
    log_likelihood: float
    bounded: list[int]


def maximise(
    likelihood: Likelihood,
    observations: float,
    starts: Sequence[Sequence[float]],
    bounds: Sequence[tuple[float, float]],
) -> Optimum:
    """The greatest log-likelihood over parameters within `bounds`, by L-BFGS-B over their logarithms.

    `observations` scales it, so that the stopping rule means the same for any number of customers; the next of `starts`
    is taken when one does not lead to a maximum. Raises `NotFitted` when none does.
    """
    limits = [(float(np.log(low)), float(np.log(high))) for low, high in bounds]

    def loss(logs: Floats) -> tuple[float, Floats]:
        parameters = np.exp(logs)
        value, gradient = likelihood(parameters)
        return -value / observations, -gradient * parameters / observations

    for start in starts:
        found = minimize(
            loss,
            np.log(start),
            jac=True,
            method="L-BFGS-B",
            bounds=limits,
            options={"maxiter": _STEPS, "ftol": 1e-13, "gtol": 1e-7},
        )
        logs = np.asarray(found.x, dtype=np.float64)
        value, slope = loss(logs)
        at_bound = [min(logs[i] - low, high - logs[i]) < _NEAR for i, (low, high) in enumerate(limits)]
        steep = any(abs(each) > _FLAT for each, fixed in zip(slope, at_bound, strict=True) if not fixed)
        if np.isfinite(value) and not steep:
            bounded = [place for place, fixed in enumerate(at_bound) if fixed]
            return Optimum(np.exp(logs), -value * observations, bounded)
    raise NotFitted("The likelihood has no maximum that could be found: the calculation did not converge.")
