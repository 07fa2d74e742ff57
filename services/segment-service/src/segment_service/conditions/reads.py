"""What a rule reads: which changes of a customer can change its answer. Pure."""

from functools import singledispatch
from typing import Any, Final

from segment_service.conditions.metrics import AGES
from segment_service.conditions.rules import (
    Comparisons,
    Consent,
    Event,
    Grade,
    InClass,
    InSegment,
    InStage,
    Listed,
    Metric,
    Need,
    Random,
    Relationship,
    Rfm,
    Rule,
    Trait,
    conditions,
)
from segment_service.conditions.times import Span

STANDING: Final = "standing"
TIME: Final = "time"


def reads(rule: Rule) -> frozenset[str]:
    """The causes that can change the rule's answer for a customer.

    `event:<name>`, `trait:<key>`, `consent`, `standing` (class, stage, scores, every metric), `segment:<key>`,
    `grade:<scheme>`, `need`, `relationship`, and `time` when the passing of time alone can (its moment is `due_at`). A
    customer who is new is to be asked about every rule, whatever it reads.
    """
    return frozenset(cause for condition in conditions(rule) for cause in _causes(condition))


def segments_of(rule: Rule) -> frozenset[str]:
    """The keys of the segments that a rule refers to."""
    return frozenset(key for each in conditions(rule) if isinstance(each, InSegment) for key in each.keys)


@singledispatch
def _causes(condition: Any) -> set[str]:
    raise TypeError(f"not known what {condition!r} reads")


@_causes.register
def _trait(condition: Trait) -> set[str]:
    return {f"trait:{condition.key}", *_time(condition.tests)}


@_causes.register
def _event(condition: Event) -> set[str]:
    # Any event may lie in the future, so time always can.
    return {TIME, *(f"event:{name}" for name in condition.names)}


@_causes.register
def _metric(condition: Metric) -> set[str]:
    return {STANDING, TIME} if condition.name in AGES else {STANDING}


@_causes.register(InClass)
@_causes.register(InStage)
@_causes.register(Rfm)
def _standing(_condition: Any) -> set[str]:
    return {STANDING}


@_causes.register
def _segment(condition: InSegment) -> set[str]:
    return {f"segment:{key}" for key in condition.keys}


@_causes.register
def _consent(_condition: Consent) -> set[str]:
    return {"consent", TIME}


@_causes.register
def _grade(condition: Grade) -> set[str]:
    return {f"grade:{condition.scheme}"}


@_causes.register
def _need(_condition: Need) -> set[str]:
    return {"need"}


@_causes.register
def _relationship(_condition: Relationship) -> set[str]:
    return {"relationship", TIME}


@_causes.register(Listed)
@_causes.register(Random)
def _nothing(_condition: Any) -> set[str]:
    return set()


def _time(tests: Comparisons) -> set[str]:
    return {TIME for test in tests.positive if isinstance(test.operand, Span)}
