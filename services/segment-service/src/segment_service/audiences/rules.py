"""Rules that describe customers: from JSON to a typed tree."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

from segment_service.audiences.errors import InvalidRule
from segment_service.pyramid.rules import VALUE_CLASSES
from segment_service.standing.rules import STAGES

Metric = Literal["recency_days", "orders", "revenue", "profit", "aov", "tenure_days"]
METRICS: Final[tuple[str, ...]] = ("recency_days", "orders", "revenue", "profit", "aov", "tenure_days")
COMPARISONS: Final[tuple[str, ...]] = ("eq", "ne", "gt", "gte", "lt", "lte")
LISTS: Final[tuple[str, ...]] = ("in", "nin")

_DEEPEST: Final = 20
_MOST_CONDITIONS: Final = 200
_LONGEST_LIST: Final = 1_000
_LARGEST: Final = 10**18


@dataclass(frozen=True, slots=True)
class All:
    """True when every part is; of no parts, true."""

    parts: tuple["Rule", ...]


@dataclass(frozen=True, slots=True)
class Any_:  # noqa: N801  `Any` is taken
    """True when some part is; of no parts, false."""

    parts: tuple["Rule", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True when the part is not."""

    part: "Rule"


@dataclass(frozen=True, slots=True)
class InClass:
    """The customer's value class is one of these."""

    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InStage:
    """The customer's lifecycle stage is one of these."""

    stages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """A figure of the customer holds against all of these; a customer without the figure is never meant."""

    metric: str
    tests: tuple[tuple[str, Decimal | tuple[Decimal, ...]], ...]


Rule = All | Any_ | Not | InClass | InStage | Compare


def parse(rule: Any) -> Rule:
    """The tree of a JSON rule; raises `InvalidRule` that points at what is not understood."""
    return _Parser().rule(rule, "/rule", 0)


class _Parser:
    def __init__(self) -> None:
        self._conditions = 0
        self._known: dict[str, Callable[[Mapping[str, Any], str, int], Rule]] = {
            "all": self._all,
            "any": self._any,
            "not": self._not,
            "value_class": self._value_class,
            "lifecycle": self._lifecycle,
            "metric": self._metric,
        }

    def rule(self, given: Any, at: str, depth: int) -> Rule:
        self._conditions += 1
        if depth > _DEEPEST:
            raise _wrong(at, f"rules nest at most {_DEEPEST} deep")
        if self._conditions > _MOST_CONDITIONS:
            raise _wrong(at, f"a rule has at most {_MOST_CONDITIONS} conditions")
        if not isinstance(given, dict) or not given:
            raise _wrong(at, f"a condition is an object with one of {_listed(self._known)}")
        kind = next((name for name in self._known if name in given), None)
        if kind is None:
            raise _wrong(
                at, f"the condition {_shown(next(iter(given)))} is not known; there are {_listed(self._known)}"
            )
        if kind != "metric" and (besides := [name for name in given if name != kind]):
            raise _wrong(f"{at}/{_escaped(besides[0])}", f"nothing else may stand beside {kind!r}")
        return self._known[kind](given, at, depth)

    def _all(self, given: Mapping[str, Any], at: str, depth: int) -> Rule:
        return All(self._parts(given["all"], f"{at}/all", depth))

    def _any(self, given: Mapping[str, Any], at: str, depth: int) -> Rule:
        return Any_(self._parts(given["any"], f"{at}/any", depth))

    def _not(self, given: Mapping[str, Any], at: str, depth: int) -> Rule:
        return Not(self.rule(given["not"], f"{at}/not", depth + 1))

    def _parts(self, given: Any, at: str, depth: int) -> tuple[Rule, ...]:
        if not isinstance(given, list):
            raise _wrong(at, "must be a list of conditions")
        return tuple(self.rule(each, f"{at}/{index}", depth + 1) for index, each in enumerate(given))

    def _value_class(self, given: Mapping[str, Any], at: str, depth: int) -> Rule:  # noqa: ARG002  one signature for all
        return InClass(_words(given["value_class"], f"{at}/value_class", VALUE_CLASSES))

    def _lifecycle(self, given: Mapping[str, Any], at: str, depth: int) -> Rule:  # noqa: ARG002  one signature for all
        return InStage(_words(given["lifecycle"], f"{at}/lifecycle", STAGES))

    def _metric(self, given: Mapping[str, Any], at: str, depth: int) -> Rule:  # noqa: ARG002  one signature for all
        metric = given["metric"]
        if metric not in METRICS:
            raise _wrong(f"{at}/metric", f"the metric {_shown(metric)} is not known; there are {_listed(METRICS)}")
        tests = tuple((name, _operand(name, given[name], at)) for name in given if name != "metric")
        if not tests:
            raise _wrong(at, f"compare the metric with one of {_listed(COMPARISONS + LISTS)}")
        return Compare(metric, tests)


def _operand(name: str, given: Any, at: str) -> Decimal | tuple[Decimal, ...]:
    place = f"{at}/{_escaped(name)}"
    if name in COMPARISONS:
        return _number(given, place)
    if name not in LISTS:
        raise _wrong(place, f"the operator {_shown(name)} is not known; there are {_listed(COMPARISONS + LISTS)}")
    if not isinstance(given, list) or len(given) > _LONGEST_LIST:
        raise _wrong(place, f"must be a list of at most {_LONGEST_LIST} numbers")
    return tuple(_number(each, f"{place}/{index}") for index, each in enumerate(given))


def _number(given: Any, at: str) -> Decimal:
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise _wrong(at, "must be a number")
    if abs(given) > _LARGEST:
        raise _wrong(at, "is out of range")
    return Decimal(str(given))


def _words(given: Any, at: str, known: tuple[str, ...]) -> tuple[str, ...]:
    words = [given] if isinstance(given, str) else given
    if not isinstance(words, list) or len(words) > _LONGEST_LIST:
        raise _wrong(at, f"must be a list of {_listed(known)}")
    for index, word in enumerate(words):
        if word not in known:
            raise _wrong(f"{at}/{index}", f"{_shown(word)} is not one of {_listed(known)}")
    return tuple(words)


def _wrong(at: str, detail: str) -> InvalidRule:
    return InvalidRule(f"{at}: {detail}", errors=[{"pointer": at, "detail": detail}])


def _listed(names: Any) -> str:
    return ", ".join(names)


def _shown(value: Any) -> str:
    return repr(value)[:80]


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")[:80]
