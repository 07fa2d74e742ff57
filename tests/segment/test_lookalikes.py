"""D12 through the API: from good customers, a model that ranks everybody else, measured on customers held out."""

import random
from typing import Any
from uuid import UUID, uuid4

from tests.segment.conftest import Segments
from tests.support.polling import eventually


def people(segments: Segments, count: int = 120) -> tuple[list[UUID], list[UUID]]:
    """Tea drinkers, who open letters more often than not, and wine drinkers, who seldom do: who opened one, all tea."""
    chance = random.Random(3)
    opened, tea = [], []
    for number in range(count):
        identity, profile = segments.feeds.person()
        drinks = "tea" if number % 2 else "wine"
        products = [{"product_id": drinks, "category": drinks, "price": 5, "quantity": 1}]
        for place in range(3):
            segments.feeds.order(identity, f"{number}-{place}", 20 + number % 11, ago=5 + 40 * place, products=products)
        if drinks == "tea":
            tea.append(profile)
        if chance.random() < (0.7 if drinks == "tea" else 0.1):
            opened.append(profile)
            segments.feeds.touch(identity, "track", name="Email Opened")
    return opened, tea


async def ended(segments: Segments, location: str) -> dict[str, Any]:
    """A job once it has ended."""

    async def look() -> dict[str, Any]:
        job = await segments.get(location)
        assert job["state"] in {"succeeded", "failed"}
        return job

    return await eventually(look, deadline=60)


async def test_d12_the_rest_is_ranked_by_likeness(segments: Segments) -> None:
    """Tea drinkers who have opened nothing yet come first; what chose the seeds is no feature; gains are told."""
    opened, tea = people(segments)
    await segments.settled()
    response = await segments.client.post(
        "/v1/lookalikes", json={"name": "readers", "seeds": {"event": "Email Opened"}, "leave_out": ["trait:kind"]}
    )
    assert response.status_code == 202, response.text
    job = await ended(segments, response.headers["location"])
    assert job["state"] == "succeeded", job["error"]
    found = await segments.get(f"/v1/lookalikes/{response.json()['lookalike_id']}")
    result = found["result"]
    assert (result["customers"], result["seeds"]) == (120, len(opened))
    assert result["left_out"] == ["event:Email Opened", "trait:kind"]
    assert not set(result["left_out"]) & set(result["features"])
    assert result["auc"] > 0.7
    assert result["gains"][0]["lift"] > 1.3
    assert result["drivers"][0]["feature"].startswith("category:")
    ranking = await segments.get(f"/v1/lookalikes/{found['lookalike_id']}/ranking", limit=500)
    assert [each["place"] for each in ranking["items"]] == list(range(1, 121 - len(opened)))
    rest_of_tea = {str(each) for each in tea} - {str(each) for each in opened}
    assert {each["profile_id"] for each in ranking["items"][: len(rest_of_tea)]} == rest_of_tea
    page = await segments.get(f"/v1/lookalikes/{found['lookalike_id']}/ranking", limit=5)
    after = await segments.get(f"/v1/lookalikes/{found['lookalike_id']}/ranking", limit=5, cursor=page["next_cursor"])
    assert [each["place"] for each in after["items"]] == [6, 7, 8, 9, 10]
    drawing = await segments.client.get(f"/v1/lookalikes/{found['lookalike_id']}/gains.svg")
    assert "Like readers" in drawing.text
    assert [each["name"] for each in (await segments.get("/v1/lookalikes"))["items"]] == ["readers"]
    assert (await segments.client.delete(f"/v1/lookalikes/{found['lookalike_id']}")).status_code == 204
    assert (await segments.client.get(f"/v1/lookalikes/{found['lookalike_id']}")).status_code == 404


async def test_d12_too_few_seeds_are_said(segments: Segments) -> None:
    """The job fails with the reason; a rule that is none is refused with a pointer."""
    identity, _ = segments.feeds.person()
    segments.feeds.order(identity, "1", 5)
    await segments.settled()
    response = await segments.client.post("/v1/lookalikes", json={"name": "x", "seeds": {"event": "Never"}})
    job = await ended(segments, response.headers["location"])
    assert "0 sought" in job["error"]
    wrong = await segments.client.post("/v1/lookalikes", json={"name": "x", "seeds": {"any": [{"metric": "shoes"}]}})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["pointer"] == "/seeds/any/0/metric"
    assert (await segments.client.get(f"/v1/lookalikes/{uuid4()}/ranking")).status_code == 404
