"""Conditions on events as Ibis expressions.

Up to three passes: the values of an event's data that conditions name are gathered by event; events by profile; where
distinct values are counted, the values of the events that count by profile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import ibis

from segment_service.conditions.leaves import every, figure, later, moment, number, one_of, some, time
from segment_service.conditions.relations import NUMBER
from segment_service.conditions.rules import Aggregate, Event, Window
from segment_service.conditions.sheets import Figure, Sheet, of_leaves
from segment_service.conditions.times import Span

_AT_LEAST_ONCE: Final = frozenset(
    {("gte", Decimal(1)), ("gt", Decimal(0)), ("eq", Decimal(0)), ("lt", Decimal(1)), ("lte", Decimal(0))}
)


@dataclass(slots=True)
class _Counted:
    """One condition: what its `where` says of an event, and the columns of the times when that turns."""

    rule: Event
    where: list[Figure] = field(default_factory=list)
    turning: list[Figure] = field(default_factory=list)


class Histories:
    """All conditions of one rule on events, given at once: their sheets are shared."""

    def __init__(self, event: Any, value: Any, rules: Sequence[Event]) -> None:
        self._value = value
        self._values = Sheet("value", value, ("profile_id", "event_id"))
        self._counted = [self._take(rule) for rule in rules]
        self._figures: dict[tuple[str | None, str], tuple[str, ...]] = {
            (each.of, each.kind): self._of_values(each)
            for rule in rules
            for each in rule.aggregates
            if each.of is not None and each.kind != "distinct"
        }
        rows = event.filter(some(_coarse(event, rule) for rule in rules))
        if self._values.used:
            rows = self._values.joined_to(rows)
        # Fixed as columns, so that all figures are taken of one table.
        self._rows = rows.mutate(
            **{f"counts_{place}": _counts(rows, each).fill_null(False) for place, each in enumerate(self._counted)}
        )
        self._sheet = Sheet("event", self._rows)
        self._distinct = self._distinct_sheet(rules)

    @property
    def sheets(self) -> list[Sheet]:
        """What is to be joined to each profile."""
        return [each for each in (self._sheet, self._distinct) if each is not None and each.used]

    def judge(self, place: int, due: list[Figure]) -> Figure:
        """Whether the condition at a place holds; `due` gets the times when that may change."""
        counted = self._counted[place]
        tests = [self._aggregate(place, each, due) for each in counted.rule.aggregates]
        self._note_changes(place, counted, due)
        return lambda row: every(test(row) for test in tests)

    def _take(self, rule: Event) -> _Counted:
        counted = _Counted(rule)
        value = self._value
        paths = dict.fromkeys(
            [*(path for path, _ in rule.where), *(each.of for each in rule.aggregates if each.of is not None)]
        )
        if paths:
            self._values.need(_coarse(value, rule) & one_of(value.path, paths))
        for path, tests in rule.where:
            chosen = one_of(value.name, rule.names) & (value.path == path)
            counted.where.append(of_leaves(self._values, chosen, tests, counted.turning))
        return counted

    def _of_values(self, aggregate: Aggregate) -> tuple[str, ...]:
        """The columns of an event's own figures, of which those over all its customer's events are made."""
        chosen, number = self._value.path == aggregate.of, self._value.number
        if aggregate.kind == "min":
            return (self._values.add(number.min(where=chosen)),)
        if aggregate.kind == "max":
            return (self._values.add(number.max(where=chosen)),)
        return self._values.add(number.sum(where=chosen)), self._values.add(number.count(where=chosen))

    def _distinct_sheet(self, rules: Sequence[Event]) -> Sheet | None:
        places = [place for place, rule in enumerate(rules) if any(each.kind == "distinct" for each in rule.aggregates)]
        if not places:
            return None
        paths = {each.of: None for rule in rules for each in rule.aggregates if each.kind == "distinct"}
        kept = self._rows.filter(some(self._inside(place) for place in places)).select(
            kept_profile="profile_id",
            kept_event="event_id",
            **{f"inside_{place}": self._inside(place) for place in places},
        )
        value = self._value.filter(one_of(self._value.path, paths))
        return Sheet(
            "distinct",
            value.inner_join(kept, [value.profile_id == kept.kept_profile, value.event_id == kept.kept_event]),
        )

    def _inside(self, place: int) -> Any:
        """Whether an event counts now."""
        rows = self._rows
        enters, leaves = _edges(rows.occurred_at, self._counted[place].rule.window)
        inside = rows[f"counts_{place}"] & (enters <= rows.now)
        return inside if leaves is None else inside & (leaves > rows.now)

    def _note_changes(self, place: int, counted: _Counted, due: list[Figure]) -> None:
        rows, sheet = self._rows, self._sheet
        counts = rows[f"counts_{place}"]
        enters, leaves = _edges(rows.occurred_at, counted.rule.window)
        due.append(sheet.column(enters.min(where=counts & (enters > rows.now))))
        if leaves is not None:
            leaving = self._inside(place)
            # To have done it at all, only the last time matters.
            last = leaves.max(where=leaving) if _at_least_once(counted.rule) else leaves.min(where=leaving)
            due.append(sheet.column(last))
        named = one_of(rows.name, counted.rule.names)
        due += [sheet.column(turns(rows).min(where=named)) for turns in counted.turning]

    def _aggregate(self, place: int, aggregate: Aggregate, due: list[Figure]) -> Figure:
        rows, sheet, tests = self._rows, self._sheet, aggregate.tests
        inside = self._inside(place)
        if aggregate.kind == "count":
            count = sheet.column(rows.count(where=inside))
            return lambda row: figure(count(row).fill_null(0).cast(NUMBER), tests)
        if aggregate.kind == "distinct":
            return self._distinct_values(place, aggregate)
        if aggregate.kind in {"first", "last"}:
            at = rows.occurred_at
            return time(sheet.column((at.min if aggregate.kind == "first" else at.max)(where=inside)), tests, due)
        columns = [rows[name] for name in self._figures[aggregate.of, aggregate.kind]]
        if aggregate.kind in {"min", "max"}:
            extreme = columns[0].min(where=inside) if aggregate.kind == "min" else columns[0].max(where=inside)
            found = sheet.column(extreme)
            return lambda row: figure(found(row), tests)
        total, number_of = (sheet.column(column.sum(where=inside)) for column in columns)
        if aggregate.kind == "sum":
            return lambda row: figure(total(row).fill_null(number(0)), tests)
        return lambda row: figure(total(row), tests, divisor=number_of(row))

    def _distinct_values(self, place: int, aggregate: Aggregate) -> Figure:
        assert self._distinct is not None  # noqa: S101  there is such a figure
        source = self._distinct.source
        chosen = (source.path == aggregate.of) & source[f"inside_{place}"]
        # A text that reads as a number too is one value.
        counts = [
            self._distinct.column(source.text.nunique(where=chosen)),
            self._distinct.column(source.number.nunique(where=chosen & source.text.isnull())),
            self._distinct.column(source.flag.nunique(where=chosen)),
        ]
        return lambda row: figure(sum(count(row).fill_null(0) for count in counts).cast(NUMBER), aggregate.tests)


def _coarse(rows: Any, rule: Event) -> Any:
    """Rows that may count, by what an index or a file's statistics can tell."""
    tests = [one_of(rows.name, rule.names)]
    start, end = rule.window.start, rule.window.end
    if isinstance(start, datetime):
        tests.append(rows.occurred_at >= moment(start))
    elif start is not None:
        hours = -(-start.longest // timedelta(hours=1))
        tests.append(rows.occurred_at > rows.now - ibis.interval(hours=hours))
    if isinstance(end, datetime):
        tests.append(rows.occurred_at < moment(end))
    return every(tests)


def _counts(rows: Any, counted: _Counted) -> Any:
    """Whether an event counts, whenever it happened."""
    rule = counted.rule
    tests = [one_of(rows.name, rule.names)]
    if rule.channels is not None:
        tests.append(one_of(rows.channel, rule.channels))
    if rule.directions is not None:
        tests.append(one_of(rows.direction, rule.directions))
    if isinstance(rule.window.start, datetime):
        tests.append(rows.occurred_at >= moment(rule.window.start))
    if isinstance(rule.window.end, datetime):
        tests.append(rows.occurred_at < moment(rule.window.end))
    return every([*tests, *(where(rows) for where in counted.where)])


def _edges(at: Any, window: Window) -> tuple[Any, Any | None]:
    """From when an event counts, and from when no more."""
    enters = later(at, -window.end) if isinstance(window.end, Span) else at
    return enters, later(at, -window.start) if isinstance(window.start, Span) else None


def _at_least_once(rule: Event) -> bool:
    """Whether all that matters of the events is that there is one."""
    return all(
        each.kind == "count"
        and all(
            (test.operator, test.operand) in _AT_LEAST_ONCE for test in (*each.tests.positive, *each.tests.negative)
        )
        for each in rule.aggregates
    )
