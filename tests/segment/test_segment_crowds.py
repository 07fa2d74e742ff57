"""D10: segments while very many change at once, while the service is killed, and while column files lag behind."""

from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from rapport.tokens import KeyStore
from segment_service.standing.repository import end_turn, take_long_turn

from tests.conftest import DatabaseFactory, TokenFactory
from tests.segment.conftest import Segments, SegmentsFactory
from tests.segment.feeds import Feeds
from tests.segment.test_segments import announced, asked, keep, members
from tests.support.database import connection
from tests.support.http import serve
from tests.support.polling import eventually
from tests.support.processes import spawn_service

BUYERS = {"metric": "orders", "gte": 2}
OPENERS = {"event": "Email Opened", "count": {"gte": 2}}
# Some answers are written, others wait.
MIDDLE = "SELECT count(*) >= 100 AND EXISTS (SELECT FROM unevaluated) FROM judgement"
BOTH = {"all": [{"segment": "buyers"}, {"segment": "openers"}]}


async def ready(segments: Segments, key: str) -> None:
    """Wait until everybody has been asked."""

    async def done() -> bool:
        return bool((await segments.get(f"/v1/segments/{key}"))["health"]["state"] == "ready")

    await eventually(done, deadline=30)


async def test_d10_a_crowd_is_asked_on_the_column_files(start: SegmentsFactory) -> None:
    """More changes than can be asked about one by one: everybody is asked about the rules concerned, no others."""
    feeds = Feeds()
    people = [feeds.person() for _ in range(60)]
    for identity, _ in people:
        feeds.order(identity, f"{identity}-1", 10, ago=9)
        feeds.touch(identity, "track", name="Email Opened")
    async with start(feeds=feeds, ask_everybody_above=20) as segments:
        await asked(segments)
        await keep(segments, "buyers", BUYERS)
        await keep(segments, "openers", OPENERS)
        await keep(segments, "both", BOTH)
        before = dict(await segments.db.fetch("SELECT key, revision FROM watched_rule"))
        async with segments.db.transaction():
            # All of them in one turn, and one with something else besides.
            await segments.db.execute("SELECT pg_advisory_xact_lock(7201964)")
            feeds.touch(people[0][0], "track", name="Email Opened")
            for identity, _ in people[:50]:
                feeds.order(identity, f"{identity}-2", 10, ago=8)
        await asked(segments)
        await ready(segments, "buyers")
        assert await members(segments, "buyers") == {profile for _, profile in people[:50]}
        assert await members(segments, "openers") == {people[0][1]}
        await asked(segments)
        await ready(segments, "both")
        assert await members(segments, "both") == {people[0][1]}
        after = dict(await segments.db.fetch("SELECT key, revision FROM watched_rule"))
        assert after["buyers"] > before["buyers"]
        assert after["openers"] == before["openers"]
        assert await announced(segments, "buyers") == {("entered", str(profile)): 1 for _, profile in people[:50]}
        assert await announced(segments, "both") == {("entered", str(people[0][1])): 1}


async def test_d10_previews_do_not_wait_for_files(start: SegmentsFactory) -> None:
    """While files are written, a preview answers by those there are and says as of when; with none, it says 503."""
    feeds = Feeds()
    for _ in range(4):
        feeds.order(feeds.person()[0], "1", 10)
    async with start(feeds=feeds, preview_seconds=0.05) as segments:
        await asked(segments)

        async def preview() -> httpx.Response:
            return await segments.client.post("/v1/segments/preview", json={"rule": {"metric": "orders", "gte": 1}})

        await take_long_turn(segments.db)
        try:
            early = await preview()
            assert (early.status_code, early.headers["retry-after"]) == (503, "5")
        finally:
            await end_turn(segments.db)

        async def size(wanted: int) -> dict[str, Any]:
            response = await preview()
            assert response.status_code == 200
            found: dict[str, Any] = response.json()
            assert found["size"] == wanted
            return found

        first = await eventually(lambda: size(4))
        feeds.order(feeds.person()[0], "1", 10)
        await asked(segments)
        await take_long_turn(segments.db)
        try:
            stale = await size(4)
            assert stale["as_of"] >= first["as_of"]
        finally:
            await end_turn(segments.db)
        assert (await eventually(lambda: size(5)))["as_of"] > stale["as_of"]


@pytest.fixture
def environment(keys: KeyStore, tmp_path: Path) -> dict[str, str]:
    """What a process of its own runs with, but for its database and its feeds."""
    return {"RAPPORT_JWKS_FILE": str(keys.jwks_path), "RAPPORT_DATA_DIR": str(tmp_path)}


async def test_d10_kill_9_while_members_follow(
    database: DatabaseFactory, token: TokenFactory, environment: dict[str, str]
) -> None:
    """Killed while everybody is asked and events pour in: in the end who is in is right, and was told once."""
    url, feeds = await database("segment"), Feeds()
    people = [feeds.person() for _ in range(600)]
    pour(feeds, people, 1)
    header = {"Authorization": f"Bearer {token('segments:read', 'segments:write')}"}
    async with serve(feeds.app()) as world, connection(url) as db:
        environment |= {
            "SEGMENT_DATABASE_URL": url,
            "RAPPORT_INTERACTION_URL": f"{world}/interaction",
            "RAPPORT_PROFILE_URL": f"{world}/profile",
        }
        async with (
            spawn_service("segment", environment) as running,
            httpx.AsyncClient(base_url=running.url, headers=header, timeout=60) as client,
        ):
            segments = Segments(client, feeds, url, db)
            await segments.settled()
            for key, rule in (("buyers", BUYERS), ("openers", OPENERS), ("both", BOTH)):
                assert (await client.put(f"/v1/segments/{key}", json={"name": key, "rule": rule})).status_code == 201
            pour(feeds, people, 2)
            await eventually(lambda: db.fetchval(MIDDLE), deadline=60, every=0.01)
            await running.kill()
            pour(feeds, people[:500], 3)
            await running.start()
            await segments.caught_up(60)
            await asked(segments)
            for key in ("buyers", "openers", "both"):
                await ready(segments, key)
            await asked(segments)
            # Whoever has an even place opens mails, everybody buys.
            right = {
                "buyers": {profile for _, profile in people},
                "openers": {profile for _, profile in people[::2]},
                "both": {profile for _, profile in people[::2]},
            }
            for key, expected in right.items():
                rows = await db.fetch(
                    "SELECT profile_id FROM judgement JOIN watched_rule USING (rule_id) WHERE key = $1 AND member", key
                )
                assert {row[0] for row in rows} == expected
                assert await announced(segments, key) == {("entered", str(profile)): 1 for profile in expected}


def pour(feeds: Feeds, people: list[tuple[UUID, UUID]], number: int) -> None:
    """An order of everybody, and a mail opened by every second."""
    for place, (identity, _) in enumerate(people):
        feeds.order(identity, f"{identity}-{number}", 10, ago=number)
        if place % 2 == 0:
            feeds.touch(identity, "track", name="Email Opened")
