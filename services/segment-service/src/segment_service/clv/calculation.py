"""Calculations over everybody, in the engine's thread: fitting, holding out, scoring."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from duckdb import DuckDBPyConnection
from numpy.typing import ArrayLike

from segment_service.clv import bg_nbd, gamma_gamma, statements
from segment_service.clv.errors import NotFitted
from segment_service.clv.maximum import Floats
from segment_service.clv.scores import Model, Summary, scores
from segment_service.clv.units import UNITS
from segment_service.columns.statements import orders
from segment_service.columns.store import Files

LEAST_CUSTOMERS: Final = 20
LEAST_REPEATING: Final = 5
_GROUPS: Final = 7
# What an unlimited parameter says of customers.
_UNLIMITED: Final = {
    "r": "customers hardly differ in how often they buy",
    "alpha": "customers hardly differ in how often they buy",
    "a": "hardly anybody is seen to leave",
    "b": "hardly anybody is seen to leave",
    "p": "each customer spends nearly the same every time",
    "q": "customers differ in what they spend less than, or more than, the model can tell",
    "v": "customers differ in what they spend less than, or more than, the model can tell",
}


class Question(NamedTuple):
    """Orders up to `end` are fitted to, those after it up to `now` are held out."""

    end: datetime
    now: datetime
    unit: str
    horizon_days: int


class Group(NamedTuple):
    """Customers with as many repeat purchases in the calibration (`frequency`, the last group has more as well)."""

    frequency: int
    customers: int
    expected_orders: float
    actual_orders: int


class Holdout(NamedTuple):
    """How the model did on the `days` after the calibration; the error is of one customer's number of orders."""

    days: int
    expected_orders: float
    actual_orders: int
    mean_absolute_error: float
    groups: list[Group]


class Fit(NamedTuple):
    """A fitted model, how many customers it has seen, and what is to be known about it."""

    model: Model
    customers: int
    spenders: int
    log_likelihood: float
    holdout: Holdout | None
    notes: list[str]


def fit(duck: DuckDBPyConnection, files: Files, question: Question) -> Fit:
    """Both models from the column files; raises `NotFitted` with what is missing."""
    _prepare(duck, files, question)
    grouped = duck.execute(statements.GROUPED).fetchnumpy()
    x, t_x, t, weights = (_floats(grouped[name]) for name in ("x", "t_x", "t", "customers"))
    _check(x, weights, question.end)
    unit = UNITS[question.unit]
    bought = bg_nbd.fit(x, t_x / unit, t / unit, weights)
    notes = [_unlimited(name) for name in bought.bounded]
    spent = duck.execute(statements.SPENT).fetchnumpy()
    spenders = len(spent["x"])
    spend = None
    if spenders >= LEAST_REPEATING:
        fitted = gamma_gamma.fit(_floats(spent["x"]), _floats(spent["mean"]))
        spend, notes = fitted.model, notes + [_unlimited(name) for name in fitted.bounded]
    else:
        notes.append(f"{spenders} customers have repeat purchases with an amount: too few to model what they spend.")
    model = Model(bought.model, spend, unit, question.horizon_days)
    holdout = _hold_out(duck, model, question)
    return Fit(model, int(weights.sum()), spenders, bought.log_likelihood, holdout, list(dict.fromkeys(notes)))


def score(duck: DuckDBPyConnection, model: Model, summaries: Path, target: Path) -> int:
    """Scores of the customers in one CSV file, written to another; how many they are."""
    duck.execute(statements.SUMMARIES, {"rows": str(summaries)})
    figures = duck.execute(statements.FIGURES).fetchnumpy()
    known = Summary(*(_floats(figures[name]) for name in Summary._fields))
    duck.register("score", {"place": figures["place"], **scores(model, known)._asdict()})
    duck.execute(statements.scores(str(target)))
    return len(known.x)


def _prepare(duck: DuckDBPyConnection, files: Files, question: Question) -> None:
    arguments: dict[str, Any] = {"end": _plain(question.end), "now": _plain(question.now)}
    for name in ("purchases", "twins", "identities"):
        if paths := getattr(files, name):
            arguments[name] = paths
    duck.execute(statements.OCCASIONS.format(orders=orders(files)), arguments)
    duck.execute(statements.CALIBRATED, {"end": _plain(question.end)})


def _check(x: Floats, weights: Floats, end: datetime) -> None:
    customers, repeating = int(weights.sum()), int(weights[x > 0].sum())
    until = f"up to {end:%Y-%m-%d}"
    if customers < LEAST_CUSTOMERS:
        raise NotFitted(
            f"{customers} customers ordered {until}; at least {LEAST_CUSTOMERS} are needed. "
            "Choose a later calibration_end or load more orders."
        )
    if repeating < LEAST_REPEATING:
        raise NotFitted(
            f"{repeating} of {customers} customers ordered on a second day {until}; at least {LEAST_REPEATING} are "
            "needed to learn how often customers return. Choose a later calibration_end."
        )


def _hold_out(duck: DuckDBPyConnection, model: Model, question: Question) -> Holdout | None:
    row = duck.execute(statements.HELD_OUT_DAYS, {"end": _plain(question.end)}).fetchone()
    days = row[0] if row else None
    if not days:
        return None
    rows = duck.execute(statements.HELD_OUT, {"end": _plain(question.end)}).fetchnumpy()
    x, t_x, t, bought, weights = (_floats(rows[name]) for name in ("x", "t_x", "t", "bought", "customers"))
    unit = model.unit_days
    expected = bg_nbd.expected_purchases(model.purchases, days / unit, x, t_x / unit, t / unit)
    groups = []
    for frequency in range(_GROUPS + 1):
        members = x >= frequency if frequency == _GROUPS else x == frequency
        if members.any():
            some = weights[members]
            groups.append(
                Group(frequency, int(some.sum()), float(some @ expected[members]), int(some @ bought[members]))
            )
    error = float(weights @ np.abs(expected - bought) / weights.sum())
    return Holdout(int(days), float(weights @ expected), int(weights @ bought), error, groups)


def _unlimited(name: str) -> str:
    return f"The data set no limit to {name}: {_UNLIMITED[name]}."


def _floats(column: ArrayLike) -> Floats:
    return np.asarray(column, dtype=np.float64)


def _plain(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(tzinfo=None)
