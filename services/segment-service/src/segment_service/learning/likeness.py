"""Who is most like given customers: a model chosen by cross-validation, its gains on customers it has not seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from segment_service.learning.table import Bools, Floats, logarithm, numbers_of

Kind = Literal["logistic", "gradient_boosting"]

FOLDS: Final = 5
FEWEST: Final = 2 * FOLDS

_COMPARED: Final = 200_000
_SHUFFLED: Final = 20_000
_RARE: Final = 20


class NotEnoughToLearn(ValueError):
    """There are too few customers on one of the sides, or nothing is known of them."""


@dataclass(frozen=True, slots=True)
class Decile:
    """A tenth of the customers held out, best first: how many were sought ones, and how often against the average."""

    number: int
    customers: int
    found: int
    rate: float
    lift: float
    cumulative_share: float


@dataclass(frozen=True, slots=True)
class Driver:
    """A column that tells the sought customers from others, by how much the area falls when it is shuffled."""

    column: str
    weight: float


@dataclass(frozen=True, slots=True)
class Likeness:
    """`scores`: 0 to 1 for each row by a model fitted to all; `held_out`: by models that have not seen the row.

    `areas`: area under the ROC curve of each model in each fold. `model` is the best by mean area; the logistic one
    where that lies within one standard error of the best (Breiman et al. 1984).
    """

    model: Kind
    areas: dict[Kind, list[float]]
    scores: Floats
    held_out: Floats
    held_out_sought: Bools
    gains: list[Decile]
    drivers: list[Driver]


def learn(table: pd.DataFrame, sought: Bools, *, seed: int = 0) -> Likeness:
    """A model that ranks customers by likeness to those `sought` (True for each such row); raises `NotEnoughToLearn`.

    Numbers may be missing; text columns are categories. Those not sought count as others although some may be like
    them: under random labelling that leaves the ranking as it is (Elkan and Noto 2008). Up to 200,000 rows are
    compared on, all of them are scored.
    """
    if not table.columns.size or min(sought.sum(), (~sought).sum()) < FEWEST:
        raise NotEnoughToLearn(
            f"{int(sought.sum())} sought and {int((~sought).sum())} other customers: there must be {FEWEST} of each"
        )
    table = _tidied(table)
    rows = _sample(sought, seed)
    part, part_sought = table.iloc[rows], sought[rows]
    splits = list(StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(part, part_sought))
    areas: dict[Kind, list[float]] = {}
    held_out: dict[Kind, Floats] = {}
    drivers: dict[Kind, list[Driver]] = {}
    for kind in ("logistic", "gradient_boosting"):
        areas[kind], held_out[kind], drivers[kind] = _cross_validated(kind, part, part_sought, splits, seed)
    kind = _best(areas)
    fitted = _model(kind, part, seed).fit(part, part_sought)
    scores = fitted.predict_proba(table)[:, 1]
    gains = gains_of(held_out[kind], part_sought)
    return Likeness(kind, areas, scores, held_out[kind], part_sought, gains, drivers[kind])


def gains_of(scores: Floats, sought: Bools, parts: int = 10) -> list[Decile]:
    """The gains table: equal parts of the rows by falling score; ties lie in the order of the rows."""
    order = np.argsort(-scores, kind="stable")
    overall, everybody = float(sought.mean()), int(sought.sum())
    table, before = [], 0
    for number, rows in enumerate(np.array_split(order, parts), start=1):
        found = int(sought[rows].sum())
        before += found
        rate = found / len(rows) if len(rows) else 0.0
        table.append(Decile(number, len(rows), found, rate, rate / overall, before / everybody))
    return table


def _cross_validated(
    kind: Kind, table: pd.DataFrame, sought: Bools, splits: Sequence[tuple[Any, Any]], seed: int
) -> tuple[list[float], Floats, list[Driver]]:
    areas, scores = [], np.zeros(len(table))
    drivers: list[Driver] = []
    for learnt, left in splits:
        fitted = _model(kind, table, seed).fit(table.iloc[learnt], sought[learnt])
        scores[left] = fitted.predict_proba(table.iloc[left])[:, 1]
        areas.append(float(roc_auc_score(sought[left], scores[left])))
        drivers = drivers or _drivers(fitted, table.iloc[left], sought[left], seed)
    return areas, scores, drivers


def _drivers(fitted: Pipeline, table: pd.DataFrame, sought: Bools, seed: int) -> list[Driver]:
    """How much worse the ranking of held-out customers gets when one column is shuffled (Breiman 2001)."""
    random = np.random.default_rng(seed)
    rows = random.permutation(len(table))[:_SHUFFLED]
    table, sought = table.iloc[rows], sought[rows]
    if not 0 < sought.sum() < len(sought):
        return []
    whole = roc_auc_score(sought, fitted.predict_proba(table)[:, 1])
    found = []
    for column in table.columns:
        shuffled = table.assign(**{column: table[column].to_numpy()[random.permutation(len(table))]})
        shuffled[column] = shuffled[column].astype(table[column].dtype)
        fall = whole - roc_auc_score(sought, fitted.predict_proba(shuffled)[:, 1])
        found.append(Driver(str(column), float(fall)))
    return sorted((each for each in found if each.weight > 0), key=lambda each: -each.weight)


def _best(areas: dict[Kind, list[float]]) -> Kind:
    best = max(areas, key=lambda kind: float(np.mean(areas[kind])))
    error = float(np.std(areas[best], ddof=1) / np.sqrt(FOLDS))
    return "logistic" if np.mean(areas["logistic"]) >= np.mean(areas[best]) - error else best


def _model(kind: Kind, table: pd.DataFrame, seed: int) -> Pipeline:
    if kind == "gradient_boosting":
        boosted = HistGradientBoostingClassifier(
            learning_rate=0.05,
            max_iter=300,
            max_leaf_nodes=15,
            min_samples_leaf=20,
            l2_regularization=1.0,
            early_stopping=True,
            validation_fraction=0.15,
            n_iter_no_change=20,
            categorical_features="from_dtype",
            random_state=seed,
        )
        return make_pipeline(boosted)
    numbers = numbers_of(table)
    words = [name for name in table.columns if name not in numbers]
    plain = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True), FunctionTransformer(logarithm), StandardScaler()
    )
    indicated = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=_RARE)
    columns = ColumnTransformer([("numbers", plain, numbers), ("words", indicated, words)])
    return make_pipeline(columns, LogisticRegression(C=0.3, max_iter=1_000))


def _tidied(table: pd.DataFrame) -> pd.DataFrame:
    """Numbers as floats, everything else as categories, the rare ones together; columns that never differ left out."""
    numbers = set(numbers_of(table))
    columns: dict[str, pd.Series] = {}
    for name in table.columns:
        if table[name].nunique(dropna=False) < 2:
            continue
        columns[name] = table[name].astype(np.float64) if name in numbers else _words(table[name])
    if not columns:
        raise NotEnoughToLearn("nothing is known that differs between customers")
    return pd.DataFrame(columns)


def _words(values: pd.Series) -> pd.Series:
    text = values.astype("object").where(values.notna(), "unknown").astype(str)
    counts = text.value_counts()
    known = set(counts[counts >= _RARE].index[:200])
    return text.where(text.isin(known), "other").astype("category")


def _sample(sought: Bools, seed: int) -> npt.NDArray[np.int64]:
    """At most 200,000 rows, those sought and the others in their own shares, in the order of the table."""
    rows = np.arange(len(sought))
    if len(rows) <= _COMPARED:
        return rows
    random = np.random.default_rng(seed)
    wanted = min(int(sought.sum()), max(_COMPARED // 10, round(_COMPARED * float(sought.mean()))))
    one = random.choice(rows[sought], wanted, replace=False)
    other = random.choice(rows[~sought], min(_COMPARED - wanted, int((~sought).sum())), replace=False)
    return np.sort(np.concatenate([one, other]))
