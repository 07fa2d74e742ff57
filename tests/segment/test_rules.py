"""Row D10: what a rule may say, what it is refused for, what it reads, and why a customer is in or out."""

import copy
import json
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from segment_service.conditions.customer import Customer, Happening, Leaf, Word
from segment_service.conditions.errors import InvalidRule
from segment_service.conditions.explanation import explain, holds
from segment_service.conditions.parser import KINDS, parse
from segment_service.conditions.reads import reads, segments_of
from segment_service.conditions.schema import EXAMPLES, rule_schema
from segment_service.settings import SegmentSettings

from tests.segment.rule_cases import NOW, TEXTS, Json, rules

_SCHEMA = jsonschema_rs.validator_for(rule_schema())
_JUNK: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 2.0, 10**15, 10**15 + 1, 1e300, "", "x", "x" * 256, "x" * 257, "a\0b", [], {}, [[]],
    "-30d", "30d", "+1m", "999y", "1000000h", "-30x", "2026-02-29", "2024-02-29", "2026-01-31\n", "3026-01-01",
    "2026-01-31T08:00:00", "2026-01-31T08:00:00+08:00", "2026-01-31T24:00:00Z", ["2026-01-01", "-1d"], ["2026-01-01"],
    ["2026-01-01", "1d"], ["top"], [1, "a", True, None], {"eq": 1}, {"of": "revenue"}, {"exists": True}, {"x": "gold"},
    "01890a5d-ac96-774b-bcce-b302099a8057", "01890A5D-AC96-774B-BCCE-B302099A8057", "01890a5dac96774bbcceb302099a8057",
    "champions", "555", "inbound", "orders", "rfm",
)  # fmt: skip
_NAMES = (*KINDS, "eq", "in", "gt", "before", "exists", "of", "count", "sum", "within", "between", "where", "channel")


def _accepted(rule: Any) -> bool:
    try:
        parse(rule)
    except InvalidRule:
        return False
    return True


@given(rule=rules, seed=st.integers(0, 2**32))
@settings(max_examples=300, deadline=None)
def test_d10_the_published_schema_accepts_what_the_parser_does(rule: Json, seed: int) -> None:
    assert _accepted(rule)
    assert _SCHEMA.is_valid(rule)
    chance = random.Random(seed)
    for _ in range(10):
        broken = _broken(chance, copy.deepcopy(rule))
        assert _SCHEMA.is_valid(broken) == _accepted(broken), json.dumps(broken)


def _broken(chance: random.Random, rule: Any) -> Any:
    """A rule with something in it replaced, added or left out."""
    places: list[tuple[Any, Any]] = []

    def visit(node: Any) -> None:
        members = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, value in members:
            places.append((node, key))
            visit(value)

    visit(rule)
    if not places:
        return chance.choice(_JUNK)
    node, key = chance.choice(places)
    match chance.randrange(3):
        case 0:
            node[key] = chance.choice(_JUNK)
        case 1:
            del node[key]
        case _ if isinstance(node, dict):
            node[chance.choice(_NAMES)] = chance.choice(_JUNK)
        case _:
            node.append(chance.choice(_JUNK))
    return rule


@pytest.mark.parametrize("rule", EXAMPLES)
def test_d10_the_examples_of_the_schema_are_rules(rule: Json) -> None:
    assert _SCHEMA.is_valid(rule)
    parse(rule)


@pytest.mark.parametrize(
    ("rule", "pointer", "says"),
    [
        ({"all": [{"metric": "orders", "gte": "2"}]}, "/rule/all/0/gte", "number"),
        ({"any": [{"metric": "order", "gte": 2}]}, "/rule/any/0/metric", "recency_days"),
        ({"not": {"event": "X", "count": {"of": "y", "gte": 1}}}, "/rule/not/count/of", "gte"),
        ({"event": "X", "sum": {"gte": 1}}, "/rule/sum", "'of' is missing"),
        ({"event": "X", "where": {"a/b": {"eq": None}}}, "/rule/where/a~1b/eq", "text, a number"),
        ({"event": "X", "within": "-90d"}, "/rule/within", "90d"),
        ({"event": "X", "within": "90d", "between": ["2026-01-01", "2026-02-01"]}, "/rule/between", "not both"),
        ({"event": "X", "between": ["2026-01-01", "30d"]}, "/rule/between/1", "past"),
        ({"trait": "birth_date", "before": "2026-02-30"}, "/rule/before", "2026-01-31"),
        ({"trait": "birth_date", "before": "2026-01-31T08:00:00"}, "/rule/before", "2026-01-31T08:00:00Z"),
        ({"trait": "name", "gt": "M"}, "/rule/gt", "number"),
        ({"trait": "country"}, "/rule", "at least one of"),
        ({"value_class": ["best"]}, "/rule/value_class/0", "top"),
        ({"segment": "vip", "trait": "x"}, "/rule/trait", "into an 'all'"),
        ({"segment": "vip", "eq": 1}, "/rule/eq", "beside"),
        ({"grade": {"vip": ["gold"], "club": ["a"]}}, "/rule/grade", "one scheme"),
        ({"random": {"salt": "x", "from": 0, "to": 1.1}}, "/rule/random/to", "from 0 to 1"),
        ({"profile": ["x"]}, "/rule/profile/0", "id"),
        ({"wibble": 1}, "/rule", "value_class"),
        ({}, "/rule", "event"),
        ([], "/rule", "object"),
        ({"trait": "x", "in": ["a"] * 1001}, "/rule/in", "1000"),
        ({"any": [{"value_class": "top"}] * 200}, "/rule/any/199", "200 conditions"),
    ],
)
def test_d10_a_refused_rule_says_where_and_what(rule: Any, pointer: str, says: str) -> None:
    with pytest.raises(InvalidRule) as refused:
        parse(rule)
    (error,) = refused.value.errors
    assert error["pointer"] == pointer
    assert says in error["detail"]


def test_d10_rules_nest_so_deep_and_no_deeper() -> None:
    rule: Json = {"value_class": "top"}
    for _ in range(20):
        rule = {"not": rule}
    parse(rule)
    with pytest.raises(InvalidRule, match="20 deep"):
        parse({"not": rule})


def test_d10_a_rule_says_what_can_change_its_answer() -> None:
    rule = parse(
        {
            "all": [
                {"trait": "country", "in": ["TW"]},
                {"trait": "birth_date", "before": "-18y"},
                {"not": {"event": ["Order Completed", "Order Refunded"], "within": "90d"}},
                {"any": [{"metric": "recency_days", "gt": 3}, {"segment": ["vip", "club"]}]},
                {"grade": {"club": "gold"}},
                {"consent": {"channel": "sms", "purpose": "marketing"}},
            ]
        }
    )
    assert reads(rule) == {
        "trait:country", "trait:birth_date", "event:Order Completed", "event:Order Refunded", "standing", "segment:vip",
        "segment:club", "grade:club", "consent", "time",
    }  # fmt: skip
    assert segments_of(rule) == {"vip", "club"}
    assert reads(parse({"all": [{"value_class": "top"}, {"trait": "country", "ne": "TW"}]})) == {
        "standing",
        "trait:country",
    }


def _customer(**known: Any) -> Customer:
    standing = {"orders": Decimal(0), "orders_elsewhere": Decimal(0), "revenue": Decimal(0)}
    return Customer(UUID(int=7), NOW, **{"standing": standing, **known})


def test_d10_an_explanation_names_each_condition_with_its_value() -> None:
    rule = {
        "all": [
            {"trait": "tags", "ne": "vip"},
            {"not": {"trait": "country", "eq": "TW"}},
            {
                "event": "Order Completed",
                "where": {"products.category": {"eq": "coffee"}},
                "sum": {"of": "revenue", "gte": 10},
                "within": "30d",
            },
            {"metric": "recency_days", "lte": 10},
        ]
    }
    coffee = Happening(
        "Order Completed",
        NOW - timedelta(days=10, hours=3),
        values={"products.category": [Leaf("tea"), Leaf("coffee")], "revenue": [Leaf(number=Decimal("12.5"))]},
    )
    customer = _customer(
        traits={"tags": [Leaf("new"), Leaf("web")]},
        events=[coffee, coffee._replace(occurred_at=NOW - timedelta(days=30))],
        standing={"last_order_at": coffee.occurred_at},
    )
    assert explain(rule, customer, pii=True) == {
        "condition": "all",
        "pointer": "/rule",
        "matches": True,
        "parts": [
            {"condition": rule["all"][0], "pointer": "/rule/all/0", "value": ["new", "web"], "matches": True},
            {
                "condition": "not",
                "pointer": "/rule/all/1",
                "matches": True,
                "parts": [
                    {
                        "condition": {"trait": "country", "eq": "TW"},
                        "pointer": "/rule/all/1/not",
                        "value": None,
                        "matches": False,
                    }
                ],
            },
            {
                "condition": rule["all"][2],
                "pointer": "/rule/all/2",
                "value": {"count": 1, "sum": 12.5, "last": "2024-02-19T09:30:00.250000Z"},
                "matches": True,
            },
            {"condition": rule["all"][3], "pointer": "/rule/all/3", "value": 10, "matches": True},
        ],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        # Nobody has a value that is not there, whatever it is compared with.
        ({"trait": "country", "ne": "TW"}, False),
        ({"trait": "country", "nin": ["TW"]}, False),
        ({"not": {"trait": "country", "eq": "TW"}}, True),
        ({"trait": "country", "exists": False}, True),
        # Of several values one may satisfy, but none may be excluded.
        ({"trait": "tags", "eq": "vip"}, True),
        ({"trait": "tags", "ne": "vip"}, False),
        ({"trait": "tags", "ne": "gone"}, True),
        ({"trait": "tags", "starts_with": "v", "contains": "new"}, False),
        # A day is before and after another as a whole.
        ({"trait": "birth_date", "after": "1990-05-17"}, False),
        ({"trait": "birth_date", "gte": "1990-05-17", "lte": "1990-05-17"}, True),
        ({"trait": "birth_date", "before": "-18y"}, True),
        # Without a count, at least once; a count of none finds those who never did.
        ({"event": "Visited"}, True),
        ({"event": "Called"}, False),
        ({"event": "Called", "count": {"eq": 0}}, True),
        ({"event": "Called", "count": {"lt": 1}}, True),
        ({"event": "Called", "sum": {"of": "price", "lt": 5}}, True),
        ({"event": "Called", "avg": {"of": "price", "lt": 5}}, False),
        # What happened exactly 30 days ago is no longer within them; what is to come has not happened.
        ({"event": "Visited", "within": "30d"}, False),
        ({"event": "Visited", "within": "31d"}, True),
        ({"event": "Visited", "between": ["2024-01-30", "2024-01-30"]}, True),
        ({"event": "Planned"}, False),
        ({"consent": {"channel": "sms", "purpose": "marketing"}}, False),
        ({"consent": {"channel": "email", "purpose": "marketing"}}, True),
        ({"metric": "aov", "gte": 0}, False),
        ({"metric": "orders", "eq": 0}, True),
        ({"metric": "clv_12m", "ne": 5}, False),
        ({"all": []}, True),
        ({"any": []}, False),
    ],
)  # fmt: skip
def test_d10_what_a_condition_means(rule: Json, matches: bool) -> None:
    customer = _customer(
        traits={
            "tags": [Leaf("vip"), Leaf("new")],
            "birth_date": [Leaf("1990-05-17", at=datetime(1990, 5, 17, tzinfo=UTC))],
        },
        events=[Happening("Visited", NOW - timedelta(days=30)), Happening("Planned", NOW + timedelta(microseconds=1))],
        consents=[Word("sms", "marketing", granted=True, until=NOW), Word("email", "marketing", granted=True)],
    )
    assert holds(parse(rule), customer) is matches


@given(salt=st.sampled_from(TEXTS), seed=st.integers(0, 2**32))
def test_d10_random_parts_are_disjoint_and_together_everybody(salt: str, seed: int) -> None:
    customer = Customer(UUID(int=random.Random(seed).getrandbits(128)), NOW)
    edges = [0, 0.1, 0.5, 1]
    parts = [{"random": {"salt": salt, "from": low, "to": high}} for low, high in pairwise(edges)]
    assert sum(holds(parse(part), customer) for part in parts) == 1


def test_d10_the_engine_is_a_setting() -> None:
    url = "postgresql+asyncpg://app@/segment"
    assert SegmentSettings(database_url=url).engine == "duckdb"
    with pytest.raises(ValidationError, match="spark_master"):
        SegmentSettings(database_url=url, engine="spark")
    assert SegmentSettings(database_url=url, engine="spark", spark_master="spark://127.0.0.1:7077").engine == "spark"
