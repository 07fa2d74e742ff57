"""D11 through the API: groups found in the data, described, with members, under the same names in the next run."""

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from segment_service.clusterings import repository as clusterings
from segment_service.learning.running import folder
from segment_service.lookalikes import repository as lookalikes
from segment_service.settings import SegmentSettings

from tests.segment.conftest import Segments
from tests.support.polling import eventually


def buyers(segments: Segments, count: int = 80) -> tuple[list[UUID], list[UUID]]:
    """Customers who buy little every few days, and some who buy much once in a while."""
    chance = random.Random(5)
    often, seldom = [], []
    for number in range(count):
        identity, profile = segments.feeds.person()
        if number % 4:
            often.append(profile)
            days = [chance.uniform(1, 120) for _ in range(chance.randint(10, 14))]
            orders = [(ago, chance.uniform(8, 16)) for ago in days]
        else:
            seldom.append(profile)
            orders = [(chance.uniform(60, 350), chance.uniform(300, 700)) for _ in range(2)]
        for place, (ago, revenue) in enumerate(orders):
            segments.feeds.order(identity, f"{number}-{place}", round(revenue, 2), ago=ago)
    return often, seldom


async def clustered(segments: Segments, **asked: Any) -> dict[str, Any]:
    """A clustering once its job has ended."""
    await segments.settled()
    response = await segments.client.post("/v1/clusterings", json=asked)
    assert response.status_code == 202, response.text
    started = response.json()
    assert response.headers["location"] == f"/v1/jobs/{started['job_id']}"

    async def ended() -> dict[str, Any]:
        job = await segments.get(response.headers["location"])
        assert job["state"] in {"succeeded", "failed"}
        return job

    job = await eventually(ended, deadline=60)
    assert job["state"] == "succeeded", job["error"]
    return await segments.get(f"/v1/clusterings/{started['clustering_id']}")


async def members(segments: Segments, clustering: dict[str, Any], key: str) -> set[str]:
    """Everybody in a group, page by page."""
    found: list[str] = []
    cursor: str | None = None
    while True:
        params = {"limit": 7} | ({"cursor": cursor} if cursor else {})
        page = await segments.get(f"/v1/clusterings/{clustering['clustering_id']}/groups/{key}/members", **params)
        found += [each["profile_id"] for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            assert len(found) == len(set(found))
            return set(found)


async def test_d11_groups_found_in_buying_patterns(segments: Segments) -> None:
    """Two kinds of buyers come out as two groups that say what sets them apart; the next run keeps their names."""
    often, seldom = buyers(segments)
    found = await clustered(segments, most=4)
    result = found["result"]
    assert (result["customers"], result["chosen"], result["clear"]) == (80, 2, True)
    larger, smaller = result["groups"]
    assert (larger["size"], smaller["size"]) == (60, 20)
    assert await members(segments, found, larger["key"]) == {str(each) for each in often}
    assert await members(segments, found, smaller["key"]) == {str(each) for each in seldom}
    assert smaller["name"] != larger["name"]
    assert all(mark["words"] for group in result["groups"] for mark in group["marks"])
    drawing = await segments.client.get(f"/v1/clusterings/{found['clustering_id']}/groups.svg")
    assert drawing.status_code == 200
    assert drawing.text.startswith("<?xml")
    assert larger["name"] in drawing.text

    again = (await clustered(segments, most=4))["result"]["groups"]
    assert [(each["key"], each["name"], each["continues"]) for each in again] == [
        (each["key"], each["name"], True) for each in (larger, smaller)
    ]
    other = await clustered(segments, name="big-spenders", among={"metric": "aov", "gte": 100}, groups=2)
    assert other["result"]["customers"] == 20
    listed = await segments.get("/v1/clusterings", name="big-spenders")
    assert [each["clustering_id"] for each in listed["items"]] == [other["clustering_id"]]


async def test_d11_what_cannot_be_grouped_is_said(segments: Segments) -> None:
    """Too few customers fail with the reason; a rule that is none, an unknown clustering and group are refused."""
    identity, _ = segments.feeds.person()
    segments.feeds.order(identity, "1", 5)
    await segments.settled()
    response = await segments.client.post("/v1/clusterings")

    async def ended() -> dict[str, Any]:
        job = await segments.get(response.headers["location"])
        assert job["state"] == "failed"
        return job

    assert "cannot be grouped" in (await eventually(ended, deadline=60))["error"]
    wrong = await segments.client.post("/v1/clusterings", json={"among": {"metric": "shoe_size"}})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["pointer"] == "/among/metric"
    assert (await segments.client.get(f"/v1/clusterings/{uuid4()}")).status_code == 404
    unfinished = response.json()["clustering_id"]
    assert (await segments.client.get(f"/v1/clusterings/{unfinished}/groups/x/members")).status_code == 404


async def test_i11_who_was_erased_while_it_was_calculated_is_not_written_down(
    segments: Segments, tmp_path: Path
) -> None:
    """Neither in a group nor in a ranking is anybody who was a customer when the calculation began only."""
    identity, profile = segments.feeds.person()
    segments.feeds.order(identity, "1", 5)
    await segments.settled()
    now, db, gone = datetime.now(UTC), segments.db, uuid4()
    groups, ranking = tmp_path / "groups.csv", tmp_path / "ranking.csv"
    groups.write_text(f"{profile},a\n{gone},a\n")
    ranking.write_text(f"{profile},0.5,2\n{gone},0.9,1\n")
    clustering_id, lookalike_id = await clusterings.new_id(db), await lookalikes.new_id(db)
    await clusterings.insert(db, "customers", {}, uuid4(), clustering_id)
    await lookalikes.insert(db, "like", {}, uuid4(), lookalike_id)
    async with db.transaction():
        await clusterings.finish(db, clustering_id, "customers", now, {}, groups)
    async with db.transaction():
        await lookalikes.finish(db, lookalike_id, now, {}, ranking)
    assert [row[0] for row in await db.fetch("SELECT profile_id FROM clustering_member")] == [profile]
    assert [row[0] for row in await db.fetch("SELECT profile_id FROM lookalike_score")] == [profile]


async def test_what_a_killed_calculation_left_goes_with_the_next_attempt(tmp_path: Path) -> None:
    """The table that is learnt from holds traits: it stays no longer than the job, whatever happens to the process."""
    settings, job_id = SegmentSettings(database_url="postgresql+asyncpg://unused", data_dir=tmp_path), uuid4()
    left, other = tmp_path / "segment" / f"learning-{job_id}-left", tmp_path / "segment" / f"learning-{uuid4()}-x"
    for each in (left, other):
        each.mkdir(parents=True)
        (each / "table.parquet").write_bytes(b"traits")
    async with folder(settings, job_id) as place:
        assert not left.exists()
        assert other.exists()
    assert not place.exists()
