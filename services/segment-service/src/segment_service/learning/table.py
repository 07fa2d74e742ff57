"""A table of what is known of customers, one row each, made ready for calculations on distances and weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_SKEWED: Final = 1.0
_FARTHEST: Final = 4.0  # standard deviations; beyond them a single customer would pull a group's middle


@dataclass(frozen=True, slots=True)
class Scale:
    """How one column is made comparable with others: log where it is skewed, then centred and divided."""

    name: str
    logarithmic: bool
    fill: float
    centre: float
    width: float

    def apply(self, values: pd.Series) -> Floats:
        """The column in standard deviations from its mean, at most four of them; unknown values lie at the median."""
        plain = _floats(values, self.fill)
        plain = logarithm(plain) if self.logarithmic else plain
        return np.clip((plain - self.centre) / self.width, -_FARTHEST, _FARTHEST)


def numbers_of(table: pd.DataFrame) -> list[str]:
    """The columns that hold numbers."""
    return [name for name in table.columns if pd.api.types.is_numeric_dtype(table[name])]


def scales_of(table: pd.DataFrame, columns: Sequence[str]) -> list[Scale]:
    """Scales of those `columns` that differ between customers at all."""
    found = []
    for name in columns:
        values = table[name]
        known = _floats(values.dropna())
        if not known.size or np.all(known == known[0]):
            continue
        logarithmic = _skewness(known) > _SKEWED
        fill = float(np.median(known))
        plain = _floats(values, fill)
        plain = logarithm(plain) if logarithmic else plain
        width = float(plain.std())
        if width > 0:
            found.append(Scale(name, logarithmic, fill, float(plain.mean()), width))
    return found


def scaled(table: pd.DataFrame, scales: Sequence[Scale]) -> Floats:
    """A row for each customer, a column for each scale."""
    return np.column_stack([scale.apply(table[scale.name]) for scale in scales])


def _floats(values: pd.Series, fill: float = np.nan) -> Floats:
    return np.asarray(values.astype(np.float64).fillna(fill), dtype=np.float64)


def logarithm(values: Floats) -> Floats:
    """log(1 + |x|) with the sign of x."""
    return np.sign(values) * np.log1p(np.abs(values))


def _skewness(values: Floats) -> float:
    width = values.std()
    return float(np.mean(((values - values.mean()) / width) ** 3)) if width > 0 else 0.0
