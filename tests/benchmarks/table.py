"""One line of the benchmark table."""

from dataclasses import dataclass
from statistics import median
from typing import Literal


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured against what, in one run.

    `ratio` is the median of the rounds' ratios of ours to the baseline; `goal` bounds it from the side that `better`
    names. A row without a baseline states `ours` alone.
    """

    name: str
    ours: float
    baseline: float | None
    ratio: float | None
    goal: float | None
    unit: str
    note: str = ""
    better: Literal["higher", "lower"] = "higher"

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        measured = self.ours if self.ratio is None else self.ratio
        if self.goal is None:
            return None
        return measured >= self.goal if self.better == "higher" else measured <= self.goal


def of_rounds(
    name: str,
    rounds: list[tuple[float, float]],
    *,
    goal: float | None,
    unit: str,
    note: str = "",
    better: Literal["higher", "lower"] = "higher",
) -> Row:
    """A row from rounds of (ours, baseline) that were measured alternately."""
    return Row(
        name,
        median(ours for ours, _ in rounds),
        median(baseline for _, baseline in rounds),
        median(ours / baseline for ours, baseline in rounds),
        goal,
        unit,
        note,
        better,
    )
