"""Figures that conditions need of a relation, all taken in one pass over it.

A sheet has one row per profile, or per event.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ibis
import ibis.expr.types as ir

from segment_service.conditions.leaves import every, leaf, some, turns
from segment_service.conditions.rules import Comparisons
from segment_service.conditions.times import Span

# A figure, or a verdict, in whatever row the sheet is joined to.
Figure = Callable[[Any], Any]


class Sheet:
    """A relation grouped by `keys`; its figures are columns `<name>_<n>` of whatever row it is joined to."""

    def __init__(self, name: str, source: Any, keys: Sequence[str] = ("profile_id",)) -> None:
        self.name = name
        self.source = source
        self.keys = keys
        self._figures: dict[Any, tuple[str, Any]] = {}
        self._needed: dict[Any, Any] = {}

    def need(self, rows: Any) -> None:
        """Read these rows; whatever no condition needs is left out."""
        self._needed.setdefault(rows.op(), rows)

    def add(self, figure: Any) -> str:
        """The column of a figure; the same figure is taken once."""
        name, _ = self._figures.setdefault(figure.op(), (f"{self.name}_{len(self._figures)}", figure))
        return name

    def column(self, figure: Any) -> Figure:
        """A figure in the joined row; NULL where there are no rows."""
        name = self.add(figure)
        return lambda row: row[name]

    def flag(self, rows: Any) -> Figure:
        """Whether there is such a row; true or false, never unknown."""
        if isinstance(rows, ir.BooleanScalar):
            # One of no words: no row is meant.
            return lambda _row: ibis.literal(False)
        name = self.add(rows.any())
        return lambda row: row[name].fill_null(False)

    @property
    def used(self) -> bool:
        """Whether any condition takes a figure of it."""
        return bool(self._figures)

    def joined_to(self, row: Any) -> Any:
        """A table with this sheet's figures beside its columns."""
        rows = self.source.filter(some(self._needed.values())) if self._needed else self.source
        names = {key: f"{self.name}_{key}" for key in self.keys}
        grouped = rows.group_by(**{name: rows[key] for key, name in names.items()}).aggregate(
            **dict(self._figures.values())
        )
        return row.left_join(grouped, [row[key] == grouped[name] for key, name in names.items()])


def of_leaves(sheet: Sheet, chosen: Any, tests: Comparisons, due: list[Figure]) -> Figure:
    """Whether the chosen leaves satisfy comparisons; `due` gets the times when that may change."""
    source = sheet.source
    parts: list[Figure] = []
    if tests.positive:
        parts.append(sheet.flag(chosen & every(leaf(source, test) for test in tests.positive)))
    if tests.negative:
        present = sheet.flag(chosen)
        excluded = sheet.flag(chosen & some(leaf(source, test) for test in tests.negative))
        parts.append(lambda row: present(row) & ~excluded(row))
    if tests.exists is not None:
        there, wanted = sheet.flag(chosen), tests.exists
        parts.append(lambda row: there(row) if wanted else ~there(row))
    for test in tests.positive:
        if isinstance(test.operand, Span):
            at = turns(source.at, test.operator, test.operand)
            due.append(sheet.column(at.min(where=chosen & (at > source.now))))
    return lambda row: every(part(row) for part in parts)
