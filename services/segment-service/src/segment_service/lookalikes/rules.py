"""Which features give the sought customers away because they were chosen by them: pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

_METRICS: Final[Mapping[str, tuple[str, ...]]] = {
    "recency_days": ("recency_days",),
    "tenure_days": ("tenure_days",),
    "orders": ("orders", "period_orders"),
    "period_orders": ("orders", "period_orders"),
    "revenue": ("revenue", "period_revenue", "aov"),
    "period_revenue": ("revenue", "period_revenue", "aov"),
    "aov": ("aov",),
    "profit": ("margin", "revenue", "period_revenue"),
    "rfm": ("recency_days", "orders", "period_orders", "revenue", "period_revenue"),
    "r": ("recency_days",),
    "f": ("orders", "period_orders"),
    "m": ("revenue", "period_revenue"),
    "p_alive": ("recency_days", "orders"),
    "clv_12m": ("revenue", "orders", "period_revenue", "period_orders"),
    "expected_orders": ("orders", "period_orders"),
}
_BY_VALUE: Final = ("orders", "revenue", "period_orders", "period_revenue", "recency_days")
_BY_STAGE: Final = ("recency_days", "tenure_days", "orders", "period_orders", "gap_days")
_ORDERS: Final = ("orders", "period_orders")


def given_away(rule: Mapping[str, Any], segments: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Features that a rule reads, directly or nearly so: a model that saw them would only find the rule again.

    `segments` are the rules of those that it may refer to.
    """
    found: set[str] = set()
    for condition in _conditions(rule):
        if "trait" in condition:
            found |= {f"trait:{condition['trait']}"} | ({"age"} if condition["trait"] == "birth_date" else set())
        elif "metric" in condition:
            found.update(_METRICS.get(str(condition["metric"]), ()))
        elif "event" in condition:
            found |= _of_event(condition)
        elif "value_class" in condition or "grade" in condition:
            found.update(_BY_VALUE)
        elif "lifecycle" in condition:
            found.update(_BY_STAGE)
        elif "segment" in condition:
            for key in _listed(condition["segment"]):
                found |= given_away(segments.get(key, {}), segments)
    return found


def _conditions(rule: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for name in ("all", "any"):
        for part in rule.get(name, ()):
            yield from _conditions(part)
    if "not" in rule:
        yield from _conditions(rule["not"])
    elif "all" not in rule and "any" not in rule:
        yield rule


def _of_event(condition: Mapping[str, Any]) -> set[str]:
    name = str(condition["event"])
    if not name.startswith("Order "):
        return {f"event:{name}"}
    where = condition.get("where") or {}
    if not where:
        return set(_ORDERS)
    return {f"category:{word}" for word in _words(where.get("products.category"))}


def _listed(keys: Any) -> list[str]:
    return [str(each) for each in keys] if isinstance(keys, list) else [str(keys)]


def _words(test: Any) -> Iterator[str]:
    for operand in test.values() if isinstance(test, Mapping) else ():
        yield from (str(each) for each in (operand if isinstance(operand, list) else [operand]))
