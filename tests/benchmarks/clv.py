"""Lifetime value of a million customers: fitting against the package `lifetimes`, scoring everybody."""

import asyncio
import csv
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from segment_service.clv import bg_nbd, gamma_gamma
from segment_service.clv.bg_nbd import BgNbd
from segment_service.clv.calculation import score
from segment_service.clv.gamma_gamma import GammaGamma
from segment_service.clv.scores import Model, Summary, scores
from segment_service.columns.engine import Engine

from tests.benchmarks.table import Row, of_rounds

_CUSTOMERS, _ROUNDS = 1_000_000, 3
_TRUTH = BgNbd(0.24, 4.4, 0.79, 2.4)
Floats = NDArray[np.float64]


def _made() -> tuple[Floats, Floats, Floats, Floats]:
    """Customers of a year by the model's own story, in days: x, t_x, T and what each spent on a repeat purchase."""
    chance = np.random.default_rng(1)
    watched = chance.integers(30, 366, _CUSTOMERS).astype(np.float64)
    rate = chance.gamma(_TRUTH.r, 1 / (7 * _TRUTH.alpha), _CUSTOMERS)
    leaving = chance.beta(_TRUTH.a, _TRUTH.b, _CUSTOMERS)
    x, last, at = (np.zeros(_CUSTOMERS) for _ in range(3))
    active = np.ones(_CUSTOMERS, dtype=bool)
    while active.any():
        at[active] += chance.exponential(1 / rate[active])
        active &= at < watched
        # Orders of one day are one purchase.
        day = np.floor(at)
        new = active & (day > last)
        x[new] += 1
        last[new] = day[new]
        active &= chance.random(_CUSTOMERS) >= leaving
    mean = chance.gamma(6.25 * np.maximum(x, 1), 1 / chance.gamma(3.74, 1 / 15.44, _CUSTOMERS)) / np.maximum(x, 1)
    return x, last, watched, np.maximum(mean, 0.01)


def _ours(x: Floats, last: Floats, watched: Floats) -> tuple[float, list[float]]:
    began = time.perf_counter()
    found = bg_nbd.fit(x, last / 7, watched / 7)
    return time.perf_counter() - began, list(found.model)


def _theirs(x: Floats, last: Floats, watched: Floats) -> tuple[float, list[float]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifetimes import BetaGeoFitter  # noqa: PLC0415  takes a second

        began = time.perf_counter()
        fitter: Any = BetaGeoFitter()
        fitter.fit(x, last / 7, watched / 7)
        return time.perf_counter() - began, [float(fitter.params_[name]) for name in BgNbd._fields]


def _scores(columns: tuple[Floats, ...], model: Model) -> float:
    """Seconds to score a million customers, median of the rounds."""
    x, last, watched, mean = columns
    known, seconds = Summary(x, last, watched, x, x * mean, np.full(_CUSTOMERS, np.nan)), list[float]()
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        scores(model, known)
        seconds.append(time.perf_counter() - began)
    return median(seconds)


async def _written(columns: tuple[Floats, ...], model: Model) -> float:
    """Seconds to read a million summaries and to write their scores, median of the rounds."""
    x, last, watched, mean = columns
    with tempfile.TemporaryDirectory(prefix="rp-") as name:
        known, target = Path(name) / "known.csv", Path(name) / "scores.csv"
        with known.open("w", newline="") as opened:
            rows = zip(x.tolist(), last.tolist(), watched.tolist(), (x * mean).round(2).tolist(), strict=True)
            csv.writer(opened).writerows(
                (f"00000000-0000-0000-0000-{number:012x}", a, b, c, a, spent, "")
                for number, (a, b, c, spent) in enumerate(rows)
            )
        engine, seconds = Engine(Path(name) / "scratch"), list[float]()
        try:
            for _ in range(_ROUNDS):
                began = time.perf_counter()
                if await engine.run(lambda duck: score(duck, model, known, target)) != _CUSTOMERS:
                    raise RuntimeError("not everybody was scored")
                seconds.append(time.perf_counter() - began)
        finally:
            engine.close()
    return median(seconds)


async def run() -> Sequence[Row]:
    """Rounds in which both packages fit the same customers, then scores of all."""
    columns = await asyncio.to_thread(_made)
    x, last, watched, mean = columns
    rounds = []
    for _ in range(_ROUNDS):
        (ours, found), (theirs, expected) = _ours(x, last, watched), _theirs(x, last, watched)
        if not np.allclose(found, expected, rtol=0.02):
            raise RuntimeError(f"different estimates: {found} and {expected}")
        rounds.append((theirs / ours, 1.0))
    began = time.perf_counter()
    spend = gamma_gamma.fit(x[x > 0], mean[x > 0]).model
    spending = time.perf_counter() - began
    model = Model(BgNbd(*found), GammaGamma(*spend), 7.0, 365)
    seconds, written = _scores(columns, model), await _written(columns, model)
    return [
        of_rounds("BG/NBD fit of 1 M, times as fast as lifetimes", rounds, goal=5, unit="x"),
        Row("Gamma-Gamma fit of the same", spending, None, None, None, "s", "", "lower"),
        Row("lifetime value scores of 1 M", seconds, None, None, 1, "s", "", "lower"),
        Row("the same, CSV read and written", written, None, None, None, "s", "", "lower"),
    ]
