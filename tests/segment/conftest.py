"""A segment-service that follows feeds which the test plays."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from rapport.tokens import KeyStore
from segment_service.main import create_app
from segment_service.settings import SegmentSettings

from tests.conftest import DatabaseFactory, TokenFactory
from tests.segment.feeds import Feeds
from tests.support.database import connection
from tests.support.http import serve
from tests.support.polling import eventually


class Segments:
    """A running segment-service and what its tests ask of it."""

    def __init__(self, client: httpx.AsyncClient, feeds: Feeds, url: str, db: "asyncpg.Connection[Any]") -> None:
        self.client = client
        self.feeds = feeds
        self.database_url = url
        self.db = db

    async def settled(self, deadline: float = 20) -> None:
        """Wait until everything that the feeds hold is applied."""

        async def applied() -> bool:
            rows = dict(await self.db.fetch("SELECT consumer, last_event_id FROM feed_position"))
            return all(
                int(rows.get(name) or 0) == len(feed.events)
                for name, feed in (("interaction", self.feeds.interaction), ("profile", self.feeds.profile))
            )

        await eventually(applied, deadline=deadline)
        assert await self.db.fetch("SELECT event, error FROM feed_failure") == []

    async def caught_up(self, deadline: float = 20) -> None:
        """Wait until everything is applied, and every profile read that was named as changed."""
        await self.settled(deadline)

        async def read() -> bool:
            return not await self.db.fetchval("SELECT count(*) FROM unread_profile WHERE due_at <= now()")

        await eventually(read, deadline=deadline)

    async def standing(self, profile: UUID) -> dict[str, Any]:
        """A customer's standing once the feeds are applied."""
        await self.settled()
        return await self.get(f"/v1/profiles/{profile}/standing")

    async def get(self, path: str, **params: Any) -> dict[str, Any]:
        """A document that must be there."""
        response = await self.client.get(path, params=params)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    async def recompute(self, deadline: float = 30) -> dict[str, Any]:
        """Rank everybody, and the job once it has ended."""
        await self.settled()
        response = await self.client.post("/v1/recomputations")
        assert response.status_code == 202, response.text

        async def ended() -> dict[str, Any]:
            job = await self.get(response.headers["location"])
            assert job["state"] in {"succeeded", "failed"}
            return job

        return await eventually(ended, deadline=deadline)

    async def pyramid(self, **params: Any) -> dict[str, dict[str, Any]]:
        """The pyramid's classes by name."""
        await self.settled()
        found = await self.get("/v1/pyramid", **params)
        return {each["value_class"]: each for each in found["classes"]}

    async def audience(self, rule: dict[str, Any]) -> set[str]:
        """The profiles that a rule describes."""
        response = await self.client.post("/v1/audiences", json={"rule": rule, "limit": 500})
        assert response.status_code == 200, response.text
        return {each["profile_id"] for each in response.json()["items"]}


SegmentsFactory = Callable[..., AbstractAsyncContextManager[Segments]]


@pytest.fixture
async def start(database: DatabaseFactory, keys: KeyStore, token: TokenFactory, tmp_path: Path) -> SegmentsFactory:
    """`async with start(**settings) as segments`: the service over HTTP, and its feeds."""

    @asynccontextmanager
    async def begin(url: str | None = None, feeds: Feeds | None = None, **changes: Any) -> AsyncIterator[Segments]:
        url = url or await database("segment")
        feeds = feeds or Feeds()
        bearer = token("segments:read", "segments:write")
        async with serve(feeds.app()) as world, connection(url) as db:
            settings = SegmentSettings(
                database_url=url,
                jwks_file=keys.jwks_path,
                interaction_url=f"{world}/interaction",
                profile_url=f"{world}/profile",
                data_dir=tmp_path,
                **{
                    "recompute_seconds": 3_600,
                    "ageing_seconds": 0.1,
                    "influence_seconds": 0.1,
                    "preview_seconds": 30,
                    **changes,
                },
            )
            async with (
                serve(create_app(settings)) as base,
                httpx.AsyncClient(base_url=base, headers={"Authorization": f"Bearer {bearer}"}, timeout=60) as client,
            ):
                yield Segments(client, feeds, url, db)

    return begin


@pytest.fixture
async def segments(start: SegmentsFactory) -> AsyncIterator[Segments]:
    """The service with its usual settings."""
    async with start() as running:
        yield running
