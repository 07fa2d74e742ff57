"""What columns and groups are called, in words that need no statistics."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from segment_service.learning.groups import Grouping, Labels
from segment_service.learning.names import named, shown
from segment_service.learning.table import Bools, numbers_of

# What a group is called for being above or below everybody.
_CALLED: Final = {
    "orders": ("frequent buyers", "rare buyers"),
    "period_orders": ("frequent buyers", "rare buyers"),
    "gap_days": ("long gaps", "short gaps"),
    "revenue": ("big spenders", "small spenders"),
    "period_revenue": ("big spenders", "small spenders"),
    "aov": ("large baskets", "small baskets"),
    "items": ("large baskets", "small baskets"),
    "recency_days": ("long silent", "bought lately"),
    "tenure_days": ("long-standing", "newcomers"),
    "weekend": ("weekend shoppers", "weekday shoppers"),
    "categories": ("buy of everything", "buy few categories"),
    "irregularity": ("irregular", "regular"),
    "margin": ("good margin", "poor margin"),
}
_TELLING: Final = 0.3  # standard deviations
_MOST: Final = 4


@dataclass(frozen=True, slots=True)
class Mark:
    """What sets a group apart: its mean in standard deviations from everybody's, and both medians."""

    column: str
    difference: float
    median: float
    median_of_all: float
    words: str


def marks_of(table: pd.DataFrame, grouping: Grouping, label: int) -> list[Mark]:
    """What sets a group apart, the most telling first, at most four and at least one."""
    rows = grouping.labels == label
    found = []
    for scale, middle in zip(grouping.scales, grouping.middles[label], strict=True):
        values = table[scale.name]
        median, everybody = float(values[rows].median()), float(values.median())
        words = f"{named(scale.name)}: {shown(scale.name, median)} against {shown(scale.name, everybody)}"
        found.append(Mark(scale.name, float(middle), median, everybody, words))
    found.sort(key=lambda mark: -abs(mark.difference))
    return [each for each in found[:_MOST] if abs(each.difference) >= _TELLING] or found[:1]


def names_of(marks: Sequence[Sequence[Mark]]) -> list[str]:
    """A name for each group from what sets it apart, no two alike."""
    taken: dict[str, int] = {}
    names = []
    for each in marks:
        words = list(dict.fromkeys(_called(mark) for mark in each))[:2]
        name = ", ".join(words).capitalize()
        taken[name] = taken.get(name, 0) + 1
        names.append(name if taken[name] == 1 else f"{name} ({taken[name]})")
    return names


def contrast(table: pd.DataFrame, sought: Bools, column: str) -> str:
    """How the sought customers differ from the others in one column."""
    values = table[column]
    if column in numbers_of(table):
        one, other = float(values[sought].median()), float(values[~sought].median())
        if one == other:
            one, other = float(values[sought].mean()), float(values[~sought].mean())
            return f"{named(column)}: {shown(column, one)} against {shown(column, other)} on average"
        return f"{named(column)}: {shown(column, one)} against {shown(column, other)}"
    text = values.astype("object").where(values.notna(), "unknown").astype(str)
    shares = pd.DataFrame(
        {"one": text[sought].value_counts(normalize=True), "other": text[~sought].value_counts(normalize=True)}
    )
    shares = shares.fillna(0.0)
    word = str((shares["one"] - shares["other"]).abs().idxmax())
    return f"{named(column)} {word}: {shares['one'][word]:.0%} against {shares['other'][word]:.0%}"


def sizes_of(labels: Labels) -> list[int]:
    """How many rows each group has."""
    return [int(count) for count in np.bincount(labels)]


def _called(mark: Mark) -> str:
    if mark.column in _CALLED:
        return _CALLED[mark.column][0 if mark.difference > 0 else 1]
    prefix, _, rest = mark.column.partition(":")
    if prefix == "category":
        return f"much {rest}" if mark.difference > 0 else f"little {rest}"
    if prefix == "channel":
        return f"mostly by {rest}" if mark.difference > 0 else f"seldom by {rest}"
    return f"{'more' if mark.difference > 0 else 'fewer'} {named(mark.column)}"
