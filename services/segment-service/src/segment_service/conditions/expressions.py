"""Rules as Ibis expressions over the logical relations."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import singledispatchmethod
from typing import Any, Final

import ibis
import ibis.expr.types as ir

from segment_service.conditions import metrics, random
from segment_service.conditions.histories import Histories
from segment_service.conditions.leaves import age, every, figure, moment, one_of, some
from segment_service.conditions.relations import COLUMNS
from segment_service.conditions.rules import (
    All,
    Any_,
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
    conditions,
)
from segment_service.conditions.sheets import Figure, Sheet, of_leaves

# Later than anything that is ever due.
_NEVER: Final = datetime(9999, 1, 1)  # noqa: DTZ001  times in relations have no offset


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def md5(text: str) -> str:  # type: ignore[empty-body]
    """The MD5 of a text's UTF-8 bytes as 32 hexadecimal digits, by the engine's own function."""


def judged(rule: Rule, schema: str | None = None, absent: Collection[str] = ()) -> ir.Table:
    """Everybody, one row each: `profile_id`, `matches` (true or false), `due_at`.

    `due_at` is the next time after the clock's at which time alone can change the answer, NULL when there is none;
    until then only a change of what the rule reads can. `schema` is where the relations are; `absent` names relations,
    and columns as `customer.clv_12m`, that are not kept, which is as if there were nothing in them.
    """
    return _Compiler(schema, absent).judged(rule)


def members(rule: Rule, schema: str | None = None, absent: Collection[str] = ()) -> ir.Table:
    """Those whom a rule matches: one row, `profile_id`, each."""
    everybody = judged(rule, schema, absent)
    return everybody.filter(everybody.matches).select("profile_id")


class _Compiler:
    def __init__(self, schema: str | None, absent: Collection[str]) -> None:
        self._schema = schema
        self._absent = absent
        self._sheets: dict[str, Sheet] = {}
        self._histories: Histories | None = None
        self._events: list[Event] = []
        self._due: list[Figure] = []

    def judged(self, rule: Rule) -> ir.Table:
        self._events = list(dict.fromkeys(each for each in conditions(rule) if isinstance(each, Event)))
        if self._events:
            self._histories = Histories(self._timed("event"), self._timed("event_value"), self._events)
        matches = self._verdict(rule)
        row = self._timed("customer")
        for sheet in [*self._sheets.values(), *(self._histories.sheets if self._histories else ())]:
            row = sheet.joined_to(row)
        return row.select(profile_id=row.profile_id, matches=matches(row), due_at=_earliest(row, self._due))

    def _relation(self, name: str) -> Any:
        kept = {column: kind for column, kind in COLUMNS[name].items() if f"{name}.{column}" not in self._absent}
        nothing = {column: ibis.null(kind) for column, kind in COLUMNS[name].items() if column not in kept}
        if name in self._absent:
            # Nobody, and no rows of theirs.
            clock = self._relation("clock")
            return clock.filter(False).select(**{column: ibis.null(kind) for column, kind in COLUMNS[name].items()})
        table = ibis.table(kept, name=name, database=self._schema)
        return table.mutate(**nothing) if nothing else table

    def _timed(self, name: str) -> Any:
        return self._relation(name).cross_join(self._relation("clock"))

    def _sheet(self, name: str) -> Sheet:
        if name not in self._sheets:
            self._sheets[name] = Sheet(name, self._timed(name))
        return self._sheets[name]

    def _some(self, relation: str, rows: Callable[[Any], Any]) -> Figure:
        """Whether the customer has such a row in a relation."""
        sheet = self._sheet(relation)
        chosen = rows(sheet.source)
        sheet.need(chosen)
        return sheet.flag(chosen)

    @singledispatchmethod
    def _verdict(self, rule: Any) -> Figure:
        raise TypeError(f"no expression for {rule!r}")

    @_verdict.register
    def _all(self, rule: All) -> Figure:
        parts = [self._verdict(part) for part in rule.parts]
        return lambda row: every(part(row) for part in parts)

    @_verdict.register
    def _any(self, rule: Any_) -> Figure:
        parts = [self._verdict(part) for part in rule.parts]
        return lambda row: some(part(row) for part in parts)

    @_verdict.register
    def _not(self, rule: Not) -> Figure:
        part = self._verdict(rule.part)
        return lambda row: ~part(row)

    @_verdict.register
    def _class(self, rule: InClass) -> Figure:
        return lambda row: one_of(row.value_class, rule.classes).fill_null(False)

    @_verdict.register
    def _stage(self, rule: InStage) -> Figure:
        return lambda row: one_of(row.lifecycle, rule.stages).fill_null(False)

    @_verdict.register
    def _listed(self, rule: Listed) -> Figure:
        return lambda row: one_of(row.profile_id.cast("string"), rule.profiles)

    @_verdict.register
    def _random(self, rule: Random) -> Figure:
        def verdict(row: Any) -> Any:
            drawn = md5(ibis.literal(f"{rule.salt}:") + row.profile_id.cast("string")).substr(0, random.DIGITS)
            tests = [drawn >= random.digits(rule.low)] if rule.low < random.SCALE else [ibis.literal(False)]
            if rule.high < random.SCALE:
                tests.append(drawn < random.digits(rule.high))
            return every(tests)

        return verdict

    @_verdict.register
    def _rfm(self, rule: Rfm) -> Figure:
        def verdict(row: Any) -> Any:
            code = row.r * 100 + row.f * 10 + row.m
            return one_of(code, (ibis.literal(each) for each in rule.codes)).fill_null(False)

        return verdict

    @_verdict.register
    def _metric(self, rule: Metric) -> Figure:
        if rule.name in metrics.AGES:
            column = metrics.AGES[rule.name]
            self._due.append(lambda row: age(row[column], row.now, rule.tests)[1])
            return lambda row: age(row[column], row.now, rule.tests)[0]
        if rule.name == metrics.AOV:
            return lambda row: figure(row.revenue, rule.tests, divisor=row.orders - row.orders_elsewhere)
        name = metrics.COLUMNS[rule.name]
        return lambda row: figure(row[name], rule.tests)

    @_verdict.register
    def _trait(self, rule: Trait) -> Figure:
        sheet = self._sheet("trait")
        chosen = sheet.source.key == rule.key
        sheet.need(chosen)
        return of_leaves(sheet, chosen, rule.tests, self._due)

    @_verdict.register
    def _event(self, rule: Event) -> Figure:
        assert self._histories is not None  # noqa: S101  the rule has this condition
        return self._histories.judge(self._events.index(rule), self._due)

    @_verdict.register
    def _consent(self, rule: Consent) -> Figure:
        def rows(source: Any) -> Any:
            named = (source.channel == rule.channel) & (source.purpose == rule.purpose) & source.granted
            return named & (source.until.isnull() | (source.until > source.now))

        return self._until("consent", rows)

    @_verdict.register
    def _relationship(self, rule: Relationship) -> Figure:
        def rows(source: Any) -> Any:
            chosen = one_of(source.kind, rule.kinds)
            if rule.other is not None:
                chosen = chosen & (source.other_profile_id.cast("string") == rule.other)
            return chosen & (source.until.isnull() | (source.until.cast("timestamp(6)") > source.now))

        return self._until("relationship", rows)

    def _until(self, relation: str, rows: Callable[[Any], Any]) -> Figure:
        sheet = self._sheet(relation)
        until = sheet.source.until.cast("timestamp(6)")
        self._due.append(sheet.column(until.min(where=rows(sheet.source))))
        return self._some(relation, rows)

    @_verdict.register
    def _segment(self, rule: InSegment) -> Figure:
        return self._some("membership", lambda source: one_of(source.segment, rule.keys))

    @_verdict.register
    def _grade(self, rule: Grade) -> Figure:
        return self._some("grade", lambda source: (source.scheme == rule.scheme) & one_of(source.grade, rule.grades))

    @_verdict.register
    def _need(self, rule: Need) -> Figure:
        return self._some("need", lambda source: one_of(source.need_group, rule.groups))


def _earliest(row: Any, due: Sequence[Figure]) -> Any:
    """The first of these times that is after now; NULL when none is."""
    never = moment(_NEVER)
    times: list[Any] = []
    for each in due:
        found = each(row)
        times += found if isinstance(found, list) else [found]
    if not times:
        return ibis.null("timestamp(6)")
    coming = [ibis.ifelse((at > row.now) & (at < never), at, never) for at in times]
    first = ibis.least(*coming) if len(coming) > 1 else coming[0]
    return first.nullif(never)
