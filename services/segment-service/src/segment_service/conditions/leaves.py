"""Comparisons as Ibis expressions: of leaves, of figures, of ages."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import partial
from typing import Any, Final

import ibis
import ibis.expr.types as ir

from segment_service.conditions.relations import NUMBER
from segment_service.conditions.rules import Comparison, Comparisons
from segment_service.conditions.times import Span

_ORDERED: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "eq": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
_FACTOR: Final = "decimal(12, 0)"
# Ages beyond these are of no one.
_OLDEST_DAYS: Final = 1_000_000
_YOUNGEST_DAYS: Final = -40_000


def every(tests: Iterable[Any]) -> Any:
    """True when all are."""
    return _joined(list(tests), operator.and_, True)


def some(tests: Iterable[Any]) -> Any:
    """True when one is."""
    return _joined(list(tests), operator.or_, False)


def _joined(tests: list[Any], by: Callable[[Any, Any], Any], of_none: bool) -> Any:
    """Joined by halves: a chain of a thousand would nest as deep."""
    if not tests:
        return ibis.literal(of_none)
    if len(tests) == 1:
        return tests[0]
    middle = len(tests) // 2
    return by(_joined(tests[:middle], by, of_none), _joined(tests[middle:], by, of_none))


def one_of(value: Any, words: Iterable[Any]) -> Any:
    """Whether a value is among these, of which there may be none."""
    listed = list(words)
    if not listed:
        return ibis.literal(False)
    return value == listed[0] if len(listed) == 1 else value.isin(listed)


def number(value: Decimal | int) -> ir.Value:
    """An exact number of the engines' common type."""
    return ibis.literal(Decimal(value), type=NUMBER)


def moment(value: datetime) -> ir.Value:
    """A time in UTC without an offset."""
    return ibis.literal(value.replace(tzinfo=None), type="timestamp(6)")


def later(at: Any, span: Span) -> Any:
    """The time that is `span` after `at`."""
    if span.months:
        interval = ibis.interval(months=abs(span.months))
        at = at + interval if span.months > 0 else at - interval
    if span.hours:
        interval = ibis.interval(hours=abs(span.hours))
        at = at + interval if span.hours > 0 else at - interval
    return at


def leaf(values: Any, test: Comparison) -> Any:
    """Whether the leaf in each row of `values` (`text number flag at`, and `now`) satisfies a comparison."""
    operand = test.operand
    if test.operator == "in":
        return _listed(values, operand)
    if test.operator == "contains":
        return values.text.contains(operand)
    if test.operator == "starts_with":
        return values.text.startswith(operand)
    if isinstance(operand, Span):
        return _ORDERED[test.operator](later(values.at, -operand), values.now)
    compare = _ORDERED[test.operator]
    if isinstance(operand, datetime):
        return compare(values.at, moment(operand))
    return _scalar(values, operand, compare)


def _scalar(values: Any, operand: Any, compare: Callable[[Any, Any], Any]) -> Any:
    if isinstance(operand, bool):
        return compare(values.flag, ibis.literal(operand))
    if isinstance(operand, Decimal):
        return compare(values.number, number(operand))
    return compare(values.text, ibis.literal(operand))


def _listed(values: Any, operand: Any) -> Any:
    texts = [each for each in operand if isinstance(each, str)]
    numbers = [number(each) for each in operand if isinstance(each, Decimal)]
    flags = sorted({each for each in operand if isinstance(each, bool)})
    columns = ((values.text, texts), (values.number, numbers), (values.flag, flags))
    return some(one_of(column, words) for column, words in columns if words)


def turns(at: Any, compared: str, span: Span) -> Any:
    """The time from which a comparison of `at` with a time relative to now is another one."""
    shifted = later(at, -span)
    # Strictly before now, or no longer at now: from the next microsecond.
    return shifted + ibis.interval(microseconds=1) if compared in {"lt", "gte"} else shifted


def time(at: Callable[[Any], Any], tests: Comparisons, due: list[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    """Whether a time in a row with `now` satisfies comparisons; `due` gets the times when that may change."""

    def holds(row: Any, test: Comparison) -> Any:
        operand: Any = test.operand
        if isinstance(operand, Span):
            return _ORDERED[test.operator](later(at(row), -operand), row.now)
        return _ORDERED[test.operator](at(row), moment(operand))

    def turning(row: Any, compared: str, span: Span) -> Any:
        return turns(at(row), compared, span)

    due += [
        partial(turning, compared=test.operator, span=test.operand)
        for test in tests.positive
        if isinstance(test.operand, Span)
    ]
    return lambda row: every(holds(row, test) for test in tests.positive).fill_null(False)


def figure(value: Any, tests: Comparisons, *, divisor: Any = None) -> Any:
    """Whether a number, or the quotient of two, satisfies comparisons; true or false, never unknown."""

    def holds(test: Comparison) -> Any:
        operand: Any = test.operand
        if test.operator == "in" and divisor is None:
            return one_of(value, map(number, operand))
        if test.operator == "in":
            return some(holds(Comparison("eq", each)) for each in operand)
        # Compared without dividing, which no two engines round alike.
        wanted = number(operand) if divisor is None else number(operand) * divisor.cast(_FACTOR)
        return _ORDERED[test.operator](value, wanted)

    present = value.notnull() if divisor is None else value.notnull() & (divisor > 0)
    return _together(holds, tests, present)


def age(since: Any, now: Any, tests: Comparisons) -> tuple[Any, list[Any]]:
    """Whether the whole days since a time satisfy comparisons, and the times when that may become another answer."""
    edges: dict[int, Any] = {}

    def from_day(days: Decimal) -> Any:
        number_of = int(min(max(days, Decimal(_YOUNGEST_DAYS)), Decimal(_OLDEST_DAYS)))
        if number_of not in edges:
            edges[number_of] = later(since, Span(hours=24 * number_of))
        return edges[number_of] <= now

    def holds(test: Comparison) -> Any:
        days: Any = test.operand
        if test.operator == "in":
            return some(holds(Comparison("eq", each)) for each in days)
        whole, next_day = days.to_integral_value(ROUND_CEILING), days.to_integral_value(ROUND_FLOOR) + 1
        if test.operator == "eq":
            return from_day(whole) & ~from_day(next_day) if whole != next_day else ibis.literal(False)
        edge = from_day(whole if test.operator in {"gte", "lt"} else next_day)
        return edge if test.operator in {"gte", "gt"} else ~edge

    return _together(holds, tests, since.notnull()), list(edges.values())


def _together(holds: Callable[[Comparison], Any], tests: Comparisons, present: Any) -> Any:
    parts = [holds(test) for test in tests.positive] + [~holds(test) for test in tests.negative]
    if tests.exists is not None:
        parts.append(present if tests.exists else ~present)
    if tests.positive or tests.negative:
        parts.append(present)
    return every(parts).fill_null(False)
