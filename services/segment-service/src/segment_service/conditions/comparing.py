"""Comparisons of plain values, one at a time. Pure."""

import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from segment_service.conditions.customer import Leaf
from segment_service.conditions.rules import Comparison, Comparisons
from segment_service.conditions.times import Span, later

_COMPARED: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "eq": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
# Numbers do not depend on it.
_ANY_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)


def leaves_hold(leaves: Sequence[Leaf], tests: Comparisons, now: datetime) -> bool:
    """Whether the values in one place satisfy comparisons."""
    if tests.exists is not None and tests.exists != bool(leaves):
        return False
    if tests.positive and not any(all(_leaf_holds(leaf, test, now) for test in tests.positive) for leaf in leaves):
        return False
    if not tests.negative:
        return True
    return bool(leaves) and not any(_leaf_holds(leaf, test, now) for leaf in leaves for test in tests.negative)


def number_holds(value: Decimal | None, tests: Comparisons) -> bool:
    """Whether a number that may be missing satisfies comparisons."""
    return leaves_hold([] if value is None else [Leaf(number=value)], tests, _ANY_TIME)


def quotient_holds(dividend: Decimal | None, divisor: Decimal, tests: Comparisons) -> bool:
    """Whether a quotient does, exactly: both sides are multiplied instead of dividing."""
    if dividend is None or divisor <= 0:
        return number_holds(None, tests)
    scaled = Comparisons(
        tuple(_times(test, divisor) for test in tests.positive),
        tuple(_times(test, divisor) for test in tests.negative),
        tests.exists,
    )
    return number_holds(dividend, scaled)


def time_holds(at: datetime | None, tests: Comparisons, now: datetime) -> bool:
    """Whether a time that may be missing satisfies comparisons."""
    return leaves_hold([] if at is None else [Leaf(at=at)], tests, now)


def _times(test: Comparison, factor: Decimal) -> Comparison:
    operand: Any = test.operand
    scaled = tuple(each * factor for each in operand) if isinstance(operand, tuple) else operand * factor
    return Comparison(test.operator, scaled)


def _leaf_holds(leaf: Leaf, test: Comparison, now: datetime) -> bool:
    operand = test.operand
    if isinstance(operand, tuple):
        return any(_leaf_holds(leaf, Comparison("eq", each), now) for each in operand)
    if test.operator in {"contains", "starts_with"}:
        return leaf.text is not None and _within(leaf.text, test.operator, str(operand))
    if isinstance(operand, Span):
        # The stored time is moved, not now: months are added to what happened.
        return leaf.at is not None and _COMPARED[test.operator](later(leaf.at, -operand), now)
    value = _reading(leaf, operand)
    return value is not None and _COMPARED[test.operator](value, operand)


def _within(text: str, how: str, part: str) -> bool:
    return part in text if how == "contains" else text.startswith(part)


def _reading(leaf: Leaf, operand: Any) -> Any:
    if isinstance(operand, bool):
        return leaf.flag
    if isinstance(operand, Decimal):
        return leaf.number
    return leaf.at if isinstance(operand, datetime) else leaf.text
