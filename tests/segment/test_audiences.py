"""Audiences over HTTP: whom a rule describes now."""

from typing import Any

import pytest
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
