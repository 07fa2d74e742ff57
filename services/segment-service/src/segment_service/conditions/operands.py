"""Operators and their operands: from JSON to comparisons. Pure."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, cast

from segment_service.conditions.errors import wrong
from segment_service.conditions.limits import (
    DECIMALS,
    LARGEST,
    LISTS,
    LONGEST_LIST,
    LONGEST_TEXT,
    NUMBER_OPERATORS,
    ORDERS,
    TEXTS,
    TIME_OPERATORS,
    TIMES,
    VALUE_OPERATORS,
)
from segment_service.conditions.rules import Comparison, Comparisons, Operand, Operator, Scalar
from segment_service.conditions.times import Moment, Span, read_moment, read_span

_SMALLEST: Final = Decimal(1).scaleb(-DECIMALS)
_TIME_FORMS: Final = (
    'a date "2026-01-31", a time "2026-01-31T08:00:00Z", or one relative to now such as "-30d" (h d w m y)'
)


def values(given: Mapping[str, Any], at: str, besides: Sequence[str] = ()) -> Comparisons:
    """Comparisons of text, numbers, truth values and times, beside the members that `besides` names."""
    return _comparisons(given, at, VALUE_OPERATORS, _value, besides)


def numbers(given: Mapping[str, Any], at: str, besides: Sequence[str] = ()) -> Comparisons:
    """Comparisons of a number."""
    return _comparisons(given, at, NUMBER_OPERATORS, _number, besides)


def times(given: Mapping[str, Any], at: str) -> Comparisons:
    """Comparisons of a time."""
    return _comparisons(given, at, TIME_OPERATORS, _time, ())


def _comparisons(
    given: Mapping[str, Any],
    at: str,
    known: Sequence[str],
    read: Callable[[str, Any, str], Comparison],
    besides: Sequence[str],
) -> Comparisons:
    found = Comparisons()
    for name in given:
        if name in besides:
            continue
        place = f"{at}/{escaped(name)}"
        if name not in known:
            raise wrong(place, f"the operator {shown(name)} is not known here; there are {listed(known)}")
        found = _with(found, name, given[name], place, read)
    if found == Comparisons():
        raise wrong(at, f"compare with at least one of {listed(known)}")
    return found


def _with(
    found: Comparisons, name: str, given: Any, at: str, read: Callable[[str, Any, str], Comparison]
) -> Comparisons:
    if name == "exists":
        if not isinstance(given, bool):
            raise wrong(at, "must be true or false")
        return replace(found, exists=given)
    each = read(name, given, at)
    # What `ne` and `nin` exclude is kept as its opposite.
    if each.operator == "ne":
        return replace(found, negative=(*found.negative, Comparison("eq", each.operand)))
    if each.operator == "nin":
        return replace(found, negative=(*found.negative, Comparison("in", each.operand)))
    return replace(found, positive=(*found.positive, each))


def _value(name: str, given: Any, at: str) -> Comparison:
    if name in TIMES:
        return _time(name, given, at)
    if name in ORDERS and isinstance(given, str):
        return _time(name, given, at, "a number, ")
    if name in ORDERS:
        return Comparison(_operator(name), number(given, at, f"must be a number, or {_TIME_FORMS}"))
    if name in TEXTS:
        return Comparison(_operator(name), text(given, at, least=1))
    if name in LISTS:
        return Comparison(_operator(name), _list(given, at, scalar))
    return Comparison(_operator(name), scalar(given, at))


def _number(name: str, given: Any, at: str) -> Comparison:
    operand: Operand = _list(given, at, number) if name in LISTS else number(given, at)
    return Comparison(_operator(name), operand)


def _time(name: str, given: Any, at: str, besides: str = "") -> Comparison:
    operator = TIMES.get(name, name)
    moment = time(given, at, besides)
    if isinstance(moment, Span):
        return Comparison(_operator(operator), moment)
    # A day is before another time as a whole, and after it as a whole.
    if operator == "gt":
        return Comparison("gte", moment.end)
    if operator == "lte":
        return Comparison("lt", moment.end)
    return Comparison(_operator(operator), moment.start)


def _operator(name: str) -> Operator:
    return cast("Operator", name)


def time(given: Any, at: str, besides: str = "") -> Moment | Span:
    """A day, a moment or a span from now; raises `InvalidRule`."""
    found = (read_moment(given) or read_span(given)) if isinstance(given, str) else None
    if found is None:
        raise wrong(at, f"must be {besides}{_TIME_FORMS}; {shown(given)} is not")
    return found


def number(given: Any, at: str, form: str = "must be a number") -> Decimal:
    """An exact number, rounded to six decimals as all stored numbers are; raises `InvalidRule`."""
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise wrong(at, form)
    if abs(given) > LARGEST:
        raise wrong(at, f"is out of range: at most {LARGEST}")
    return Decimal(str(given)).quantize(_SMALLEST)


def text(given: Any, at: str, *, least: int = 0, most: int = LONGEST_TEXT) -> str:
    """A text that every engine can hold; raises `InvalidRule`."""
    if not isinstance(given, str):
        raise wrong(at, "must be text")
    if not least <= len(given) <= most:
        raise wrong(at, f"must have {least} to {most} characters")
    if any(each == "\0" or "\ud800" <= each <= "\udfff" for each in given):
        raise wrong(at, "holds a character that is no text (NUL or half of a surrogate pair)")
    return given


def scalar(given: Any, at: str) -> Scalar:
    """A text, a number or a truth value; raises `InvalidRule`."""
    if isinstance(given, bool):
        return given
    return text(given, at) if isinstance(given, str) else number(given, at, "must be text, a number, true or false")


def words(given: Any, at: str, known: Sequence[str] | None = None) -> tuple[str, ...]:
    """One word or a list of words, of those known if there are such; raises `InvalidRule`."""
    if isinstance(given, str):
        return (_word(given, at, known),)
    if not isinstance(given, list) or len(given) > LONGEST_LIST:
        raise wrong(
            at, f"must be a word or a list of at most {LONGEST_LIST}" + (f", of {listed(known)}" if known else "")
        )
    return tuple(_word(each, f"{at}/{index}", known) for index, each in enumerate(given))


def _word(given: Any, at: str, known: Sequence[str] | None) -> str:
    if known is not None and given not in known:
        raise wrong(at, f"{shown(given)} is not one of {listed(known)}")
    return text(given, at, least=1)


def _list(given: Any, at: str, read: Callable[[Any, str], Scalar]) -> tuple[Scalar, ...]:
    if not isinstance(given, list) or len(given) > LONGEST_LIST:
        raise wrong(at, f"must be a list of at most {LONGEST_LIST} values")
    return tuple(read(each, f"{at}/{index}") for index, each in enumerate(given))


def bound(given: Any, at: str, *, end: bool) -> datetime | Span:
    """The start or the end of a period: a day or a moment, itself included, or a span before now."""
    found = time(given, at)
    if isinstance(found, Span):
        if not given.startswith("-"):
            raise wrong(at, 'must lie in the past, such as "-30d": nothing counts before its time has come')
        return found
    return found.end if end else found.start


def only(given: Mapping[str, Any], at: str, known: Sequence[str], needed: Sequence[str] = ()) -> None:
    """Raises `InvalidRule` unless an object has the members needed, and none that is not known."""
    for name in given:
        if name not in known:
            raise wrong(f"{at}/{escaped(name)}", f"{shown(name)} is not known here; there are {listed(known)}")
    for name in needed:
        if name not in given:
            raise wrong(at, f"{name!r} is missing")


def mapping(given: Any, at: str, what: str) -> Mapping[str, Any]:
    """An object; raises `InvalidRule`."""
    if not isinstance(given, dict):
        raise wrong(at, f"must be an object: {what}")
    return given


def listed(names: Sequence[str]) -> str:
    """Names as a person reads them."""
    return ", ".join(names)


def shown(value: Any) -> str:
    """What was given, cut short."""
    return repr(value)[:80]


def escaped(name: str) -> str:
    """A member's name as part of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")[:80]
