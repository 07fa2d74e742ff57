"""An interaction-service with a world around it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from interaction_service.main import create_app
from interaction_service.settings import InteractionSettings
from rapport.tokens import KeyStore

from tests.conftest import DatabaseFactory, TokenFactory
from tests.interaction.world import World
from tests.support.database import Databases, connection
from tests.support.http import serve
from tests.support.polling import eventually

SCOPES = ("interactions:read", "interactions:write", "profiles:pii")
# So long that a busy machine does not make a neighbour late; tests of lateness set their own.
PATIENT = {"resolve_budget_ms": 20_000, "standing_budget_ms": 20_000, "decision_budget_ms": 20_000}


class Interactions:
    """A running interaction-service and what its tests ask of it."""

    def __init__(self, client: httpx.AsyncClient, world: World, database_url: str, write_key: str) -> None:
        self.client = client
        self.world = world
        self.database_url = database_url
        self.write_key = write_key
        self.since = ""

    async def collect(self, path: str, body: Any = None, *, key: str | None = None, **options: Any) -> httpx.Response:
        """The answer to a collector call with the write key as Basic user name."""
        options = options if body is None else {"json": body, **options}
        return await self.client.post(f"/v1/{path}", auth=(key or self.write_key, ""), **options)

    async def collected(self, path: str, body: Any = None, **options: Any) -> None:
        """A collector call that must succeed."""
        response = await self.collect(path, body, **options)
        assert response.status_code == 200, response.text
        assert response.json() == {"success": True}

    async def tell(self, *touchpoints: dict[str, Any]) -> list[dict[str, Any]]:
        """Touchpoints told of in one call, which must succeed."""
        response = await self.client.post("/v1/touchpoints", json=list(touchpoints))
        assert response.status_code == 201, response.text
        items: list[dict[str, Any]] = response.json()["items"]
        return items

    async def get(self, path: str, **params: Any) -> dict[str, Any]:
        """A document that must be there."""
        response = await self.client.get(path, params={name: each for name, each in params.items() if each is not None})
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    async def history(self, profile: UUID | str, **params: Any) -> list[dict[str, Any]]:
        """A customer's touchpoints over all pages."""
        items: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = await self.get(f"/v1/profiles/{profile}/touchpoints", cursor=cursor, **params)
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return items

    async def engage(self, *identifiers: tuple[str, str], **body: Any) -> dict[str, Any]:
        """The answer to a contact by web chat, which must succeed."""
        given = [{"kind": kind, "value": value} for kind, value in identifiers]
        response = await self.client.post("/v1/engagements", json={"channel": "chat", "identifiers": given, **body})
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def events(self, *types: str) -> list[dict[str, Any]]:
        """What the feed announced since the test began, of these types if given."""
        # Whatever committed before this one is on the feed before it.
        mark = uuid4().hex
        await self.tell({"identifiers": [{"kind": "user_id", "value": mark}], "type": "mark", "channel": "test"})

        async def read() -> list[dict[str, Any]]:
            found = await self._feed()
            assert found
            assert found[-1]["data"].get("identifiers") == [{"kind": "user_id", "value": mark}]
            return found

        found = await eventually(read)
        own = [each for each in found if each["data"].get("type") != "mark"]
        return [each for each in own if not types or each["type"] in types]

    async def begin(self) -> None:
        """Let `events` begin here."""
        await self.events()
        self.since = (await self._feed())[-1]["id"]

    async def _feed(self) -> list[dict[str, Any]]:
        response = await self.client.get("/v1/feed", params={"lastEventId": self.since, "limit": 10_000})
        assert response.status_code == 200, response.text
        found: list[dict[str, Any]] = response.json()
        return found

    async def recorded(self) -> list[dict[str, Any]]:
        """The touchpoints that the feed has announced by now, in order."""
        return [each["data"] for each in await self.events("touchpoint.recorded")]

    async def settled(self) -> None:
        """Wait until the feeds around are followed to their end and the rollups hold all that was recorded."""
        await self.events()
        own = await self._feed()
        ends = {
            "rollups": own[-1]["id"],
            "profile": _end(self.world.profile_feed.events),
            "campaign": _end(self.world.campaign_feed.events),
        }
        async with self.database() as conn:

            async def done() -> bool:
                rows = await conn.fetch("SELECT consumer, last_event_id FROM feed_position")
                at: dict[str, str] = {row["consumer"]: row["last_event_id"] for row in rows}
                return all(at.get(name, "") == end for name, end in ends.items())

            await eventually(done, deadline=20)
            assert await conn.fetch("SELECT * FROM feed_failure") == []

    def database(self) -> AbstractAsyncContextManager["asyncpg.Connection[asyncpg.Record]"]:
        """A connection of its own to the service's database."""
        return connection(self.database_url)


def _end(events: list[dict[str, Any]]) -> str:
    return str(events[-1]["id"]) if events else ""


Start = Callable[..., AbstractAsyncContextManager[Interactions]]


@pytest.fixture(scope="session")
async def neighbours() -> AsyncIterator[World]:
    """The services around, once for this worker."""
    async with World().served() as served:
        yield served


@pytest.fixture
async def world(neighbours: World) -> AsyncIterator[World]:
    """The services around, all well."""
    yield neighbours
    neighbours.recover()


@pytest.fixture(scope="session")
def running(keys: KeyStore, token: TokenFactory, neighbours: World) -> Start:
    """`async with running(url, collector_requests=1) as interactions`: a service, some settings changed."""

    @asynccontextmanager
    async def started(url: str, **changes: Any) -> AsyncIterator[Interactions]:
        given: dict[str, Any] = {
            "jwks_file": keys.jwks_path,
            "profile_url": neighbours.profile_url,
            "segment_url": neighbours.segment_url,
            "campaign_url": neighbours.campaign_url,
            "default_country": "TW",
            **PATIENT,
            **changes,
        }
        headers = {"authorization": f"Bearer {token(*SCOPES)}"}
        async with (
            serve(create_app(InteractionSettings(database_url=url, **given))) as base,
            httpx.AsyncClient(base_url=base, headers=headers, timeout=30) as client,
        ):
            yield Interactions(client, neighbours, url, token("collect", subject="shop"))

    return started


@pytest.fixture
def start(database: DatabaseFactory, running: Start, world: World) -> Start:
    """`async with start(collector_requests=1) as interactions`: a service of the test's own."""

    @asynccontextmanager
    async def started(**changes: Any) -> AsyncIterator[Interactions]:
        async with running(await database("interaction"), **changes) as interactions:
            yield interactions

    return started


@pytest.fixture(scope="session")
async def shared_service(databases: Databases, running: Start) -> AsyncIterator[Interactions]:
    """One service for all tests of this worker that leave its settings alone."""
    url = await databases.fresh("interaction")
    async with running(url) as interactions:
        yield interactions
    await databases.drop(url)


@pytest.fixture
async def interactions(shared_service: Interactions, world: World) -> Interactions:
    """A running interaction-service whose events begin with the test; names of customers are the test's own."""
    await shared_service.begin()
    return shared_service


@pytest.fixture
def user() -> str:
    """A login that no other test has."""
    return f"u-{uuid4().hex[:12]}"
