"""Row D10: a rule means the same on every engine, and for the slow and plain evaluator that explains it."""

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import duckdb
import ibis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from segment_service.conditions.customer import Happening
from segment_service.conditions.explanation import holds
from segment_service.conditions.expressions import judged
from segment_service.conditions.parser import parse
from segment_service.conditions.rules import Rule

from tests.segment.rule_cases import NOW, SPANS, Json, customers, moments_of, of_span, rules
from tests.segment.rule_engines import by_duckdb, by_postgres, rows_of
from tests.support.database import Databases, connection

_EXAMPLES = int(os.environ.get("RULE_EXAMPLES", "40"))
_PEOPLE = 24
_EVERY_EXAMPLE = settings(
    max_examples=_EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
async def postgresql(databases: Databases) -> AsyncIterator["asyncpg.Connection[Any]"]:
    url = await databases.fresh()
    async with connection(url) as found:
        # Rules must not depend on the zone of a session.
        await found.execute("SET timezone = 'America/St_Johns'")
        yield found
    await databases.drop(url)


@given(source=rules, seed=st.integers(0, 2**32))
@_EVERY_EXAMPLE
async def test_d10_a_rule_has_the_same_members_on_every_engine(
    postgresql: "asyncpg.Connection[Any]", source: Json, seed: int
) -> None:
    rule: Rule = parse(source)
    people = customers(seed, _PEOPLE)
    rows = rows_of(people)
    expression = judged(rule)
    found = await by_postgres(postgresql, ibis.to_sql(expression, dialect="postgres"), rows)
    with duckdb.connect(":memory:") as duck:
        assert by_duckdb(duck, ibis.to_sql(expression, dialect="duckdb"), rows) == found
    assert {each: matches for each, (matches, _) in found.items()} == {
        person.profile_id: holds(rule, person) for person in people
    }


@given(source=rules, seed=st.integers(0, 2**32))
@_EVERY_EXAMPLE
def test_d10_until_a_rule_is_due_time_changes_nothing(source: Json, seed: int) -> None:
    rule: Rule = parse(source)
    people = customers(seed, _PEOPLE // 4)
    with duckdb.connect(":memory:") as duck:
        found = by_duckdb(duck, ibis.to_sql(judged(rule), dialect="duckdb"), rows_of(people))
    for person in people:
        matches, due = found[person.profile_id]
        for at in moments_of(person):
            if at > NOW and (due is None or at < due):
                assert holds(rule, replace(person, now=at)) == matches, at


@pytest.mark.parametrize("span", SPANS)
async def test_d10_windows_end_on_the_same_microsecond(postgresql: "asyncpg.Connection[Any]", span: str) -> None:
    rule = parse({"event": "Visited", "within": span})
    expression = judged(rule)
    edge = of_span(span)
    times = [at + timedelta(microseconds=by) for at in (edge, NOW) for by in (-1, 0, 1)]
    people = [
        replace(person, events=[Happening("Visited", at)])
        for person, at in zip(customers(1, len(times)), times, strict=True)
    ]
    rows = rows_of(people)
    found = await by_postgres(postgresql, ibis.to_sql(expression, dialect="postgres"), rows)
    with duckdb.connect(":memory:") as duck:
        assert by_duckdb(duck, ibis.to_sql(expression, dialect="duckdb"), rows) == found
    for person in people:
        matches, due = found[person.profile_id]
        assert matches == holds(rule, person)
        # It turns when it is due, and not a microsecond before; within no time at all there is nothing to turn.
        if due is not None and span != "0d":
            assert holds(rule, replace(person, now=due - timedelta(microseconds=1))) == matches
            assert holds(rule, replace(person, now=due)) != matches
