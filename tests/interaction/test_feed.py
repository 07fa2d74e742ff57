"""What is accepted appears on the feed exactly once, also when the service is killed again and again."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

import httpx
import pytest
from rapport.tokens import KeyStore

from tests.conftest import DatabaseFactory, TokenFactory
from tests.interaction.conftest import SCOPES, Interactions
from tests.interaction.world import World
from tests.support.database import connection
from tests.support.polling import eventually
from tests.support.processes import spawn_service

SHOPS, BATCHES, SIZE, KILLS = 4, 50, 20, 3


async def test_the_feed_says_all_that_a_touchpoint_is(interactions: Interactions, user: str) -> None:
    profile = await interactions.world.person(("user_id", user))
    body = {"userId": user, "event": "Order Completed", "messageId": user, "properties": {"order_id": "o-1"}}
    await interactions.collected("track", body)
    (event,) = await interactions.events()
    (stored,) = await interactions.history(profile)
    assert (event["specversion"], event["source"]) == ("1.0", "urn:rapport:interaction")
    assert event["type"] == "touchpoint.recorded"
    assert event["subject"] == stored["touchpoint_id"]
    told = event["data"]
    assert {name: told[name] for name in stored} == stored
    assert (told["message_id"], told["identifiers"]) == (user, [{"kind": "user_id", "value": user}])


async def test_a_reader_in_small_pages_beside_many_writers_misses_and_repeats_nothing(
    interactions: Interactions, user: str
) -> None:
    names = [f"{user}-{number}" for number in range(300)]
    found: list[str] = []
    last = interactions.since

    async def read() -> bool:
        nonlocal last
        params = {"lastEventId": last, "limit": "7", "timeout": "200"}
        page = (await interactions.client.get("/v1/feed", params=params)).json()
        found.extend(each["data"]["message_id"] for each in page)
        last = page[-1]["id"] if page else last
        return len(found) >= len(names)

    async def write(part: list[str]) -> None:
        for start in range(0, len(part), 5):
            batch = [{"type": "page", "userId": user, "messageId": each} for each in part[start : start + 5]]
            await interactions.collected("batch", {"batch": batch})

    async with asyncio.TaskGroup() as group:
        for number in range(6):
            group.create_task(write(names[number::6]))
        group.create_task(eventually(read, deadline=30, every=0))
    assert Counter(found) == Counter(names)


class Shop:
    """Sends batches one after the other as an SDK does: the same one again until it is acknowledged."""

    def __init__(self, number: int, client: httpx.AsyncClient) -> None:
        self.acknowledged: list[str] = []
        self.user = f"shop-{number}"
        self._client = client
        self._number = number

    async def run(self) -> None:
        for batch in range(BATCHES):
            names = [f"{self._number}-{batch}-{each}" for each in range(SIZE)]
            messages = [{"type": "track", "event": "e", "userId": self.user, "messageId": each} for each in names]
            await eventually(partial(self._taken, {"batch": messages}), deadline=60)
            self.acknowledged += names

    async def _taken(self, body: dict[str, Any]) -> bool:
        with contextlib.suppress(httpx.TransportError):
            response = await self._client.post("/v1/batch", json=body)
            assert response.status_code in {200, 503}, response.text
            return response.status_code == 200
        return False


@pytest.mark.timeout(240)
async def test_kill_9_during_a_stream_of_batches_loses_nothing_and_repeats_nothing(
    database: DatabaseFactory, token: TokenFactory, keys: KeyStore, world: World
) -> None:
    url, chance = await database("interaction"), random.Random(5)
    env = {
        "INTERACTION_DATABASE_URL": url,
        "RAPPORT_JWKS_FILE": str(keys.jwks_path),
        "RAPPORT_PROFILE_URL": world.profile_url,
        # What other tests have campaigns send would be touchpoints here as well.
        "RAPPORT_CAMPAIGN_URL": "http://127.0.0.1:9",
        "INTERACTION_EXACT_HISTORY": "0",
    }
    key = {"authorization": f"Bearer {token('collect')}"}
    async with (
        spawn_service("interaction", env) as service,
        httpx.AsyncClient(base_url=service.url, headers=key, timeout=30) as client,
        connection(url) as conn,
    ):
        shops = [Shop(number, client) for number in range(SHOPS)]
        sending = asyncio.gather(*(each.run() for each in shops))
        for kill in range(1, KILLS + 1):
            # Each time further on, at a moment that has nothing to do with what the service does.
            goal = kill * SHOPS * BATCHES * SIZE // (KILLS + 2) + chance.randrange(200)
            await eventually(partial(_reached, shops, goal), deadline=60)
            await service.kill()
            known = {name for each in shops for name in each.acknowledged}
            kept = {row["message_id"] for row in await conn.fetch("SELECT message_id FROM touchpoint")}
            assert known <= kept, "acknowledged and lost"
            await service.start()
        await sending
        expected = Counter(name for each in shops for name in each.acknowledged)
        assert len(expected) == SHOPS * BATCHES * SIZE == expected.total()
        assert Counter([row["message_id"] for row in await conn.fetch("SELECT message_id FROM touchpoint")]) == expected
        client.headers["authorization"] = f"Bearer {token(*SCOPES)}"
        found = await eventually(partial(_all, client, len(expected)), deadline=30)
        assert Counter(each["message_id"] for each in found) == expected
        # The rollups went through the same kills.
        for each in shops:
            profile = await world.person(("user_id", each.user))
            await eventually(partial(_counted, client, profile, BATCHES * SIZE), deadline=30)
        assert await conn.fetchval("SELECT sum(count) FROM touchpoint_rollup") == expected.total()


def _reached(shops: Sequence[Shop], goal: int) -> bool:
    return sum(len(each.acknowledged) for each in shops) >= goal


async def _all(client: httpx.AsyncClient, count: int) -> list[dict[str, Any]]:
    """What the feed announced, once that is as much as there must be."""
    found: list[dict[str, Any]] = (await client.get("/v1/feed", params={"limit": "10000"})).json()
    assert len(found) >= count
    return [each["data"] for each in found]


async def _counted(client: httpx.AsyncClient, profile: UUID, count: int) -> bool:
    response = await client.get(f"/v1/profiles/{profile}/context")
    assert response.status_code == 200, response.text
    assert response.json()["history"]["touchpoints"] == count
    return True
