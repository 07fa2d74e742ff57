"""Rules as conditions on the customer table."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import singledispatchmethod
from typing import Any, Final
from uuid import UUID

import asyncpg
from rapport.database import Connection

from segment_service.audiences.rules import All, Any_, Compare, InClass, InStage, Not, Rule

_COMPARED: Final[Mapping[str, str]] = {"eq": "=", "ne": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
# Whole days as a person counts them: 0 within the first 24 hours.
_DAYS: Final = "floor(extract(epoch FROM {now}::timestamptz - {since}) / 86400)"
_METRICS: Final[Mapping[str, Callable[[str], str]]] = {
    "recency_days": lambda now: _DAYS.format(now=now, since="last_order_at"),
    "tenure_days": lambda now: _DAYS.format(now=now, since="first_order_at"),
    "orders": lambda _now: "orders",
    "revenue": lambda _now: "revenue",
    "profit": lambda _now: "CASE WHEN orders > 0 THEN profit END",
    "aov": lambda _now: "revenue / NULLIF(orders - orders_elsewhere, 0)",
}


class Condition:
    """A rule as the SQL text of a condition on `customer`, true or false and never unknown, and its arguments."""

    def __init__(self, rule: Rule, now: datetime) -> None:
        self.arguments: list[Any] = [now]
        self.text = self._sql(rule)

    def bind(self, value: Any) -> str:
        """The placeholder of one more argument."""
        self.arguments.append(value)
        return f"${len(self.arguments)}"

    @singledispatchmethod
    def _sql(self, rule: Any) -> str:
        raise TypeError(f"no SQL for {rule!r}")

    @_sql.register
    def _all(self, rule: All) -> str:
        return "(" + " AND ".join([self._sql(part) for part in rule.parts] or ["true"]) + ")"

    @_sql.register
    def _any(self, rule: Any_) -> str:
        return "(" + " OR ".join([self._sql(part) for part in rule.parts] or ["false"]) + ")"

    @_sql.register
    def _not(self, rule: Not) -> str:
        return f"(NOT {self._sql(rule.part)})"

    @_sql.register
    def _class(self, rule: InClass) -> str:
        return f"value_class = ANY({self.bind(list(rule.classes))}::text[])"

    @_sql.register
    def _stage(self, rule: InStage) -> str:
        return f"lifecycle = ANY({self.bind(list(rule.stages))}::text[])"

    @_sql.register
    def _compare(self, rule: Compare) -> str:
        figure = _METRICS[rule.metric]("$1")
        tests = [self._test(f"({figure})", operator, operand) for operator, operand in rule.tests]
        return "COALESCE(" + " AND ".join(tests) + ", false)"

    def _test(self, figure: str, operator: str, operand: Any) -> str:
        if operator in _COMPARED:
            return f"{figure} {_COMPARED[operator]} {self.bind(operand)}::numeric"
        negated = "NOT " if operator == "nin" else ""
        return f"{negated}{figure} = ANY({self.bind(list(operand))}::numeric[])"


async def page(
    connection: Connection, rule: Rule, now: datetime, after: UUID | None, limit: int
) -> list[asyncpg.Record]:
    """Customers that a rule describes, in the order of their ids, from the one behind `after`."""
    condition = Condition(rule, now)
    beyond = f" AND profile_id > {condition.bind(after)}" if after is not None else ""
    return await connection.fetch(
        "SELECT profile_id, value_class, lifecycle FROM customer "
        f"WHERE $1::timestamptz IS NOT NULL AND {condition.text}{beyond} "
        f"ORDER BY profile_id LIMIT {condition.bind(limit)}",
        *condition.arguments,
    )


async def size(connection: Connection, rule: Rule, now: datetime) -> int:
    """How many customers a rule describes."""
    condition = Condition(rule, now)
    return int(
        await connection.fetchval(
            f"SELECT count(*) FROM customer WHERE $1::timestamptz IS NOT NULL AND {condition.text}",
            *condition.arguments,
        )
    )
