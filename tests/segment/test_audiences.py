"""Audiences over HTTP: whom a rule describes now."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from segment_service.conditions.explanation import explain, holds
from segment_service.conditions.parser import parse
from segment_service.conditions.repository import customer
from segment_service.conditions.schema import EXAMPLES, rule_schema

from tests.segment.conftest import Segments


async def test_d10_an_audience_is_whom_the_rule_describes(segments: Segments) -> None:
    feeds = segments.feeds
    (once, first), (twice, second), (_, third) = (feeds.person() for _ in range(3))
    feeds.order(once, "A", 30, 40, cost=10)
    feeds.order(twice, "B", 60, 20)
    feeds.order(twice, "C", 20, 5)
    await segments.settled()
    everybody = {str(first), str(second), str(third)}

    assert await segments.audience({"all": []}) == everybody
    assert await segments.audience({"metric": "orders", "gte": 2}) == {str(second)}
    assert await segments.audience({"metric": "aov", "eq": 40}) == {str(second)}
    assert await segments.audience({"metric": "recency_days", "gt": 39}) == {str(first)}
    assert await segments.audience({"metric": "profit", "exists": True}) == {str(first)}
    assert await segments.audience({"not": {"metric": "orders", "in": [1, 2]}}) == {str(third)}
    assert await segments.audience({"lifecycle": "prospect"}) == {str(third)}
    assert await segments.audience({"profile": [str(first), str(third)]}) == {str(first), str(third)}
    halves = [await segments.audience({"random": {"salt": "spring", "from": low, "to": low + 0.5}}) for low in (0, 0.5)]
    assert halves[0] | halves[1] == everybody
    assert not halves[0] & halves[1]


async def test_d10_an_audience_comes_in_pages(segments: Segments) -> None:
    people = sorted(str(segments.feeds.person()[1]) for _ in range(5))
    await segments.settled()
    found: list[str] = []
    cursor = None
    for _ in range(3):
        asked = {"rule": {"metric": "orders", "lt": 1}, "limit": 2, "cursor": cursor}
        response = await segments.client.post("/v1/audiences", json=asked)
        page = response.json()
        assert page["total"] == 5
        found += [each["profile_id"] for each in page["items"]]
        cursor = page["next_cursor"]
    assert found == people
    assert cursor is None


_RULES: tuple[tuple[dict[str, Any], set[int]], ...] = (
    ({"trait": "country", "in": ["TW", "VN"]}, {0, 1}),
    ({"trait": "country", "ne": "TW"}, {1}),
    ({"trait": "address.city", "starts_with": "Đà"}, {1}),
    ({"trait": "tags", "nin": ["vip"]}, {1}),
    ({"trait": "birth_date", "before": "-18y"}, {0}),
    ({"trait": "children", "gte": 2}, {0}),
    ({"event": "Product Viewed"}, {0, 1}),
    ({"event": "Product Viewed", "where": {"products.category": {"eq": "tea"}}}, {0}),
    ({"event": "Product Viewed", "where": {"products.category": {"ne": "tea"}}}, {0, 1}),
    ({"event": "Product Viewed", "count": {"gte": 2}}, {0}),
    ({"event": "Product Viewed", "count": {"eq": 0}}, {2}),
    ({"event": "Product Viewed", "sum": {"of": "products.price", "gte": 10}, "within": "30d"}, {0}),
    ({"event": "Product Viewed", "distinct": {"of": "products.category", "gte": 2}}, {0}),
    ({"event": "Product Viewed", "last": {"before": "-30d"}}, {1}),
    ({"event": "Order Completed", "between": ["-60d", "-30d"]}, {1}),
    ({"consent": {"channel": "sms", "purpose": "marketing"}}, {1}),
    ({"relationship": {"kind": "referred_by"}}, {2}),
    ({"metric": "revenue", "gt": 5}, {1}),
    ({"segment": "vip"}, set()),
    ({"not": {"grade": {"club": "gold"}}}, {0, 1, 2}),
)


async def test_d10_rules_read_traits_events_consents_and_relationships(segments: Segments) -> None:
    feeds = segments.feeds
    people = [feeds.person() for _ in range(3)]
    now = datetime.now(UTC)
    feeds.tell(
        people[0][1], traits={"country": "TW", "tags": ["vip", "new"], "birth_date": "1990-02-28", "children": 2}
    )
    feeds.tell(
        people[1][1],
        traits={"country": "VN", "tags": ["new"], "address": {"city": "Đà Nẵng"}},
        consents=[("sms", "marketing", "granted")],
    )
    feeds.relate("referred_by", people[2][0], people[0][0])
    feeds.order(people[1][0], "A", "12.50", 45)
    for person, days, products in (
        (0, 1, [{"category": "tea", "price": 4.5}, {"category": "cups", "price": "5.50"}]),
        (0, 31, [{"category": "coffee", "price": 99}]),
        (1, 40, [{"category": "coffee", "price": 10}]),
    ):
        at = now - timedelta(days=days)
        feeds.touch(people[person][0], "track", at, name="Product Viewed", data={"products": products})
    await segments.caught_up()

    known = [await customer(segments.db, profile) for _, profile in people]
    for rule, wanted in _RULES:
        assert await segments.audience(rule) == {str(people[each][1]) for each in wanted}, rule
        assert {each for each, person in enumerate(known) if person and holds(parse(rule), person)} == wanted, rule
    viewed = explain(_RULES[11][0], known[0], pii=False) if known[0] else {}
    assert viewed["value"] == {"count": 1, "sum": 10, "last": viewed["value"]["last"]}
    assert await customer(segments.db, UUID(int=1)) is None


@pytest.mark.parametrize("rule", EXAMPLES)
async def test_d10_every_kind_of_condition_is_answered(segments: Segments, rule: dict[str, Any]) -> None:
    await segments.audience(rule)


async def test_d10_a_rule_that_is_not_understood_is_refused(segments: Segments) -> None:
    response = await segments.client.post("/v1/audiences", json={"rule": {"not": {"metric": "orders", "gte": "x"}}})
    assert response.status_code == 422
    problem = response.json()
    assert problem["type"] == "urn:rapport:problem:invalid-rule"
    assert problem["errors"] == [{"pointer": "/rule/not/gte", "detail": "must be a number"}]


async def test_d10_the_rule_language_is_published(segments: Segments) -> None:
    assert await segments.get("/v1/rules/schema") == rule_schema()
    document = await segments.get("/openapi.json")
    schemas = document["components"]["schemas"]
    assert schemas["AudienceIn"]["properties"]["rule"]["allOf"] == [{"$ref": "#/components/schemas/Rule"}]
    assert {"$ref": "#/components/schemas/RuleEvent"} in schemas["Rule"]["oneOf"]
    assert "RuleEvent" in schemas
