"""Why a customer is in or out: each condition of a rule with the value it met. Pure, slow and plain on purpose.

It shares no code with the compiled queries, and must give the same members as they do.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from functools import singledispatch
from typing import Any, NamedTuple

from segment_service.conditions import metrics, random
from segment_service.conditions.comparing import leaves_hold, number_holds, quotient_holds, time_holds
from segment_service.conditions.customer import Customer, Happening, Leaf
from segment_service.conditions.masking import masked_trait
from segment_service.conditions.parser import parse
from segment_service.conditions.rules import (
    Aggregate,
    All,
    Any_,
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
    Not,
    Random,
    Relationship,
    Rfm,
    Rule,
    Trait,
    Window,
)
from segment_service.conditions.times import Span, later
from segment_service.standing.rules import rfm_group

_DAY = timedelta(days=1)


class Finding(NamedTuple):
    """Whether a condition holds, and the value it met as JSON."""

    matches: bool
    value: Any


def explain(rule: Any, customer: Customer, at: str = "/rule", *, pii: bool) -> dict[str, Any]:
    """For each condition of a JSON rule: `condition`, `pointer`, `value`, `matches`; groups have `parts` and no value.

    Raises `InvalidRule`. Values are as the customer has them: a list where there are several, null where none;
    traits are hidden unless `pii`.
    """
    return _explained(parse(rule, at), rule, customer, at, pii)


def holds(rule: Rule, customer: Customer) -> bool:
    """Whether a rule is true of a customer."""
    if isinstance(rule, All):
        return all(holds(part, customer) for part in rule.parts)
    if isinstance(rule, Any_):
        return any(holds(part, customer) for part in rule.parts)
    if isinstance(rule, Not):
        return not holds(rule.part, customer)
    return _find(rule, customer).matches


def _explained(rule: Rule, source: Any, customer: Customer, at: str, pii: bool) -> dict[str, Any]:
    if not isinstance(rule, All | Any_ | Not):
        finding = _find(rule, customer)
        value = masked_trait(rule.key, finding.value) if isinstance(rule, Trait) and not pii else finding.value
        return {"condition": source, "pointer": at, "value": value, "matches": finding.matches}
    kind = "all" if isinstance(rule, All) else "any" if isinstance(rule, Any_) else "not"
    if isinstance(rule, Not):
        parts = [_explained(rule.part, source["not"], customer, f"{at}/not", pii)]
    else:
        parts = [
            _explained(part, source[kind][place], customer, f"{at}/{kind}/{place}", pii)
            for place, part in enumerate(rule.parts)
        ]
    return {"condition": kind, "pointer": at, "matches": holds(rule, customer), "parts": parts}


@singledispatch
def _find(condition: Any, customer: Customer) -> Finding:
    raise TypeError(f"no meaning for {condition!r} of {customer.profile_id}")


@_find.register
def _trait(condition: Trait, customer: Customer) -> Finding:
    leaves = customer.traits.get(condition.key, ())
    shown = [_plain(leaf) for leaf in leaves]
    return Finding(leaves_hold(leaves, condition.tests, customer.now), shown[0] if len(shown) == 1 else shown or None)


@_find.register
def _metric(condition: Metric, customer: Customer) -> Finding:
    standing = customer.standing
    if condition.name in metrics.AGES:
        since = standing.get(metrics.AGES[condition.name])
        days = None if since is None else Decimal((customer.now - since) // _DAY)
        return Finding(number_holds(days, condition.tests), _number(days))
    if condition.name == metrics.AOV:
        count = standing["orders"] - standing["orders_elsewhere"]
        average = _number(standing["revenue"] / count) if count > 0 else None
        return Finding(quotient_holds(standing["revenue"], count, condition.tests), average)
    value = standing.get(metrics.COLUMNS[condition.name])
    return Finding(number_holds(value, condition.tests), _number(value))


@_find.register
def _rfm(condition: Rfm, customer: Customer) -> Finding:
    r, f, m = (customer.standing.get(name) for name in ("r", "f", "m"))
    if r is None or f is None or m is None:
        return Finding(False, None)
    scores = int(r), int(f), int(m)
    code = int("".join(map(str, scores)))
    return Finding(code in condition.codes, {"scores": str(code), "group": rfm_group(*scores)})


@_find.register
def _class(condition: InClass, customer: Customer) -> Finding:
    found = customer.standing.get("value_class")
    return Finding(found in condition.classes, found)


@_find.register
def _stage(condition: InStage, customer: Customer) -> Finding:
    found = customer.standing.get("lifecycle")
    return Finding(found in condition.stages, found)


@_find.register
def _segment(condition: InSegment, customer: Customer) -> Finding:
    found = sorted(customer.segments.intersection(condition.keys))
    return Finding(bool(found), found)


@_find.register
def _consent(condition: Consent, customer: Customer) -> Finding:
    words = [
        word for word in customer.consents if (word.channel, word.purpose) == (condition.channel, condition.purpose)
    ]
    granted = any(word.granted and (word.until is None or word.until > customer.now) for word in words)
    shown = [{"granted": word.granted, "until": _time(word.until)} for word in words]
    return Finding(granted, shown[0] if shown else None)


@_find.register
def _grade(condition: Grade, customer: Customer) -> Finding:
    found = sorted(grade for scheme, grade in customer.grades if scheme == condition.scheme)
    return Finding(any(grade in condition.grades for grade in found), found[0] if found else None)


@_find.register
def _need(condition: Need, customer: Customer) -> Finding:
    found = sorted(customer.needs.intersection(condition.groups))
    return Finding(bool(found), found)


@_find.register
def _relationship(condition: Relationship, customer: Customer) -> Finding:
    found = [
        bond
        for bond in customer.relationships
        if bond.kind in condition.kinds
        and condition.other in {None, str(bond.other)}
        and (bond.until is None or bond.until > customer.now)
    ]
    return Finding(bool(found), [{"kind": bond.kind, "profile_id": str(bond.other)} for bond in found])


@_find.register
def _listed(condition: Listed, customer: Customer) -> Finding:
    return Finding(str(customer.profile_id) in condition.profiles, str(customer.profile_id))


@_find.register
def _random(condition: Random, customer: Customer) -> Finding:
    drawn = random.draw(condition.salt, customer.profile_id)
    return Finding(condition.low <= drawn < condition.high, drawn / random.SCALE)


@_find.register
def _event(condition: Event, customer: Customer) -> Finding:
    counted = [each for each in customer.events if _counts(each, condition, customer.now)]
    shown: dict[str, Any] = {"count": len(counted)}
    matches = True
    for aggregate in condition.aggregates:
        finding = _aggregate(aggregate, counted, customer.now)
        matches = matches and finding.matches
        if aggregate.kind != "count":
            shown[aggregate.kind] = finding.value
    shown.setdefault("last", _time(max((each.occurred_at for each in counted), default=None)))
    return Finding(matches, shown)


def _counts(event: Happening, condition: Event, now: datetime) -> bool:
    return (
        event.name in condition.names
        and (condition.channels is None or event.channel in condition.channels)
        and (condition.directions is None or event.direction in condition.directions)
        and _inside(event.occurred_at, condition.window, now)
        and all(leaves_hold(event.values.get(path, ()), tests, now) for path, tests in condition.where)
    )


def _inside(at: datetime, window: Window, now: datetime) -> bool:
    if at > now:
        return False
    start, end = window.start, window.end
    late = start is None or (later(at, -start) > now if isinstance(start, Span) else at >= start)
    early = end is None or (later(at, -end) <= now if isinstance(end, Span) else at < end)
    return late and early


def _aggregate(aggregate: Aggregate, counted: Sequence[Happening], now: datetime) -> Finding:
    tests, kind = aggregate.tests, aggregate.kind
    if kind == "count":
        return Finding(number_holds(Decimal(len(counted)), tests), len(counted))
    if kind in {"first", "last"}:
        times = [each.occurred_at for each in counted]
        at = (min if kind == "first" else max)(times, default=None)
        return Finding(time_holds(at, tests, now), _time(at))
    leaves = [leaf for event in counted for leaf in event.values.get(aggregate.of or "", ())]
    if kind == "distinct":
        different = len({leaf.text if leaf.text is not None else (leaf.number, leaf.flag) for leaf in leaves})
        return Finding(number_holds(Decimal(different), tests), different)
    return _of_numbers(kind, [leaf.number for leaf in leaves if leaf.number is not None], tests)


def _of_numbers(kind: str, numbers: Sequence[Decimal], tests: Comparisons) -> Finding:
    total, count = sum(numbers, Decimal(0)), Decimal(len(numbers))
    if kind == "sum":
        return Finding(number_holds(total, tests), _number(total))
    if kind == "avg":
        return Finding(quotient_holds(total, count, tests), _number(total / count) if numbers else None)
    extreme = (min if kind == "min" else max)(numbers, default=None)
    return Finding(number_holds(extreme, tests), _number(extreme))


def _number(value: Decimal | None) -> int | float | None:
    if value is None:
        return None
    rounded = round(value, 6)
    whole = rounded.to_integral_value(ROUND_FLOOR)
    return int(whole) if whole == rounded else float(rounded)


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")


def _plain(leaf: Leaf) -> Any:
    if leaf.text is not None:
        return leaf.text
    if leaf.number is not None:
        return _number(leaf.number)
    return leaf.flag if leaf.flag is not None else _time(leaf.at)
