"""Groups among customers by what they buy and when: k-means with the number of groups chosen by prediction strength."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from segment_service.learning.table import Floats, Scale, numbers_of, scaled, scales_of

Labels = npt.NDArray[np.int64]

CLEAR: Final = 0.8  # Tibshirani and Walther: "between 0.8 and 0.9"
SMALLEST: Final = 0.02  # share of customers; below it a group is a handful of odd ones

_FITTED: Final = 50_000
_SPLITS: Final = 5
_STARTS: Final = 5
_KEPT_NAME: Final = 0.3


class NothingToGroup(ValueError):
    """There are too few customers, or they do not differ."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A number of groups that was tried: its prediction strength 0 to 1, and the share of the smallest group."""

    groups: int
    strength: float
    smallest: float


@dataclass(frozen=True, slots=True)
class Grouping:
    """Groups of customers.

    `labels`: one number from 0 for each row, the largest group first. `stability`: adjusted Rand index (Hubert and
    Arabie 1985) of two fits to random halves, 1 is the same groups, 0 chance. `clear`: the number of groups was chosen
    by its strength and not only for want of a better one.
    """

    labels: Labels
    scales: list[Scale]
    middles: Floats
    candidates: list[Candidate]
    clear: bool
    stability: float


def find_groups(table: pd.DataFrame, *, most: int = 10, wanted: int | None = None, seed: int = 0) -> Grouping:
    """Group the rows of `table` by its numbers; raises `NothingToGroup`.

    The number of groups, unless `wanted`, is the largest up to `most` whose prediction strength is 0.8 or more
    (Tibshirani and Walther, "Cluster Validation by Prediction Strength", 2005, means over five splits) and whose
    smallest group has 2 % of the customers; if there is none, the strongest of all.
    """
    scales = scales_of(table, numbers_of(table))
    if not scales or len(table) < 2 * max(wanted or 2, 2):
        raise NothingToGroup(f"{len(table)} customers that differ in {len(scales)} respects cannot be grouped")
    points = scaled(table, scales)
    random = np.random.default_rng(seed)
    sample = points[random.permutation(len(points))[:_FITTED]]
    if len(np.unique(sample, axis=0)) < (wanted or 2):
        raise NothingToGroup("too few customers differ from one another")
    candidates = [] if wanted else _candidates(sample, min(most, len(sample) // 4), seed)
    chosen, clear = (wanted, True) if wanted else _chosen(candidates)
    middles = _fit(sample, chosen, seed)
    nearest = _nearest(points, middles)
    order = np.argsort(-np.bincount(nearest, minlength=len(middles)), kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    labels = place[nearest].astype(np.int64)
    return Grouping(labels, scales, middles[order], candidates, clear, _stability(sample, chosen, seed))


def same_groups(labels: Labels, before: npt.NDArray[np.object_]) -> dict[int, str]:
    """Which earlier group each new one continues: `before` names the earlier group of each row, None for none.

    One to one, with the largest overlaps in all (Hungarian method); a group that shares less than 30 % of its members,
    counted over both, is a new one.
    """
    names = sorted({str(name) for name in before if name is not None})
    if not names:
        return {}
    numbers = {name: number for number, name in enumerate(names)}
    was = np.array([numbers.get(name, len(names)) for name in before])
    both = np.zeros((int(labels.max()) + 1, len(names) + 1))
    np.add.at(both, (labels, was), 1)
    either = both.sum(axis=1, keepdims=True) + both.sum(axis=0, keepdims=True) - both
    overlap = (both / np.maximum(either, 1))[:, :-1]
    pairs = zip(*linear_sum_assignment(-overlap), strict=True)
    return {int(one): names[other] for one, other in pairs if overlap[one, other] >= _KEPT_NAME}


def _candidates(sample: Floats, most: int, seed: int) -> list[Candidate]:
    found = []
    for groups in range(2, max(2, most) + 1):
        strengths = [_strength(sample, groups, seed + split) for split in range(_SPLITS)]
        sizes = np.bincount(_nearest(sample, _fit(sample, groups, seed)), minlength=groups)
        found.append(Candidate(groups, float(np.mean(strengths)), float(sizes.min() / len(sample))))
    return found


def _chosen(candidates: Sequence[Candidate]) -> tuple[int, bool]:
    large = [each for each in candidates if each.smallest >= SMALLEST] or list(candidates)
    clear = [each.groups for each in large if each.strength >= CLEAR]
    return (max(clear), True) if clear else (max(large, key=lambda each: each.strength).groups, False)


def _strength(sample: Floats, groups: int, seed: int) -> float:
    """The worst group's share of pairs that groups found in the other half of the customers put together as well."""
    one, other = _halves(sample, seed)
    mine = _nearest(other, _fit(other, groups, seed))
    theirs = _nearest(other, _fit(one, groups, seed))
    together = np.zeros((groups, groups))
    np.add.at(together, (mine, theirs), 1)
    sizes = together.sum(axis=1)
    pairs = (together * (together - 1)).sum(axis=1)
    return float(min((pair / (size * (size - 1)) for pair, size in zip(pairs, sizes, strict=True) if size > 1)))


def _stability(sample: Floats, groups: int, seed: int) -> float:
    one, other = _halves(sample, seed)
    first, second = _fit(one, groups, seed), _fit(other, groups, seed)
    return float(adjusted_rand_score(_nearest(sample, first), _nearest(sample, second)))


def _halves(sample: Floats, seed: int) -> tuple[Floats, Floats]:
    order = np.random.default_rng(seed).permutation(len(sample))
    half = len(sample) // 2
    return sample[order[:half]], sample[order[half:]]


def _fit(points: Floats, groups: int, seed: int) -> Floats:
    fitted = KMeans(groups, n_init=_STARTS, random_state=seed).fit(points)
    middles: Floats = fitted.cluster_centers_
    return middles


def _nearest(points: Floats, middles: Floats) -> Labels:
    """The nearest middle of each point, in slices so that a million points need no gigabytes."""
    lengths = (middles**2).sum(axis=1)
    slices = [
        np.argmin(lengths - 2 * points[start : start + 100_000] @ middles.T, axis=1)
        for start in range(0, len(points), 100_000)
    ]
    return np.concatenate(slices).astype(np.int64)
