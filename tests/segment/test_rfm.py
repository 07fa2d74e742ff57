"""RFM scores by quintiles and by fixed bounds, and the named groups."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from tests.segment.conftest import Segments
from tests.segment.feeds import DAY
from tests.segment.test_rates import revalued
from tests.support.polling import eventually

BOUNDS = {
    "method": "bounds",
    "recency_days": [10, 20, 30, 40],
    "frequency": [1, 2, 3, 4],
    "monetary": ["10.00", "20", 30, "40.50"],
}


async def _put(segments: Segments, rule: dict[str, Any], **headers: str) -> Any:
    return await segments.client.put("/v1/rfm", json=rule, headers=headers)


async def _scores(segments: Segments, profile: UUID) -> tuple[int, int, int]:
    found = (await segments.standing(profile))["rfm"]
    return found["r"], found["f"], found["m"]


async def test_d3_scores_by_bounds_that_the_firm_fixes(segments: Segments) -> None:
    feeds = segments.feeds
    people = [feeds.person() for _ in range(3)]
    for place, (identity, _) in enumerate(people):
        for number in range(1 + 2 * place):
            feeds.order(identity, f"{place}-{number}", 9, 45 - 20 * place + number)
    assert (await segments.recompute())["state"] == "succeeded"
    quintiles = await segments.get("/v1/rfm")
    assert (
        quintiles["method"],
        len(quintiles["recency_days"]),
        sum(each["customers"] for each in quintiles["groups"]),
    ) == (
        "quintiles",
        4,
        3,
    )
    response = await _put(segments, BOUNDS)
    assert response.status_code == 200
    assert response.json()["recency_days"] == [10, 20, 30, 40]
    await revalued(segments)
    # 45, 25 and 5 days ago; 1, 3 and 5 orders; 9, 27 and 45 spent.
    expected = [(1, 1, 1), (3, 3, 3), (5, 5, 5)]
    assert [await _scores(segments, profile) for _, profile in people] == expected
    await segments.recompute()
    assert [await _scores(segments, profile) for _, profile in people] == expected
    groups = {each["group"]: each for each in (await segments.get("/v1/rfm"))["groups"]}
    assert set(groups) == {"lost", "needs_attention", "champions"}
    assert groups["champions"]["revenue"]["amount"] == "45.00"
    feeds.order(people[0][0], "another", 1, 1)
    assert await _scores(segments, people[0][1]) == (5, 2, 1)
    past = (datetime.now(UTC) - 22 * DAY).isoformat()
    rfm = (await segments.get(f"/v1/profiles/{people[1][1]}/standing", as_of=past))["rfm"]
    assert (rfm["r"], rfm["f"], rfm["m"]) == (5, 3, 3)
    assert (await _put(segments, {"method": "quintiles"})).json()["method"] == "quintiles"
    await revalued(segments)

    async def scored() -> bool:
        return bool(len((await segments.get("/v1/rfm"))["recency_days"]) == 4)

    await eventually(scored)
    assert (await _scores(segments, people[2][1]))[2] == 4


async def test_d3_time_alone_lowers_a_score_by_bounds(segments: Segments) -> None:
    identity, profile = segments.feeds.person()
    await _put(segments, BOUNDS)
    await revalued(segments)
    segments.feeds.order(identity, "A", 15, 10 - 2 / 86_400)
    await segments.settled()

    async def fallen() -> bool:
        return bool((await segments.get(f"/v1/profiles/{profile}/standing"))["rfm"]["r"] == 4)

    await eventually(fallen)


async def test_d3_the_rule_is_a_document_with_a_version(segments: Segments) -> None:
    read = await segments.client.get("/v1/rfm")
    assert read.json()["groups"] == []
    assert (await _put(segments, BOUNDS, **{"If-Match": '"9"'})).status_code == 412
    assert (await _put(segments, BOUNDS, **{"If-Match": read.headers["etag"]})).status_code == 200
    for wrong in (
        {"method": "bounds"},
        {"method": "quintiles", "frequency": [1, 2, 3, 4]},
        {**BOUNDS, "frequency": [1, 2, 3]},
        {**BOUNDS, "recency_days": [10, 10, 20, 30]},
        {**BOUNDS, "monetary": ["NaN", 2, 3, 4]},
        {"method": "guess"},
    ):
        assert (await _put(segments, wrong)).status_code == 422, wrong
