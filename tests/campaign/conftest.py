"""A campaign-service with a world around it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from campaign_service.main import create_app
from campaign_service.settings import CampaignSettings
from rapport.tokens import KeyStore

from tests.campaign.mailbox import Mailbox
from tests.campaign.world import World
from tests.conftest import DatabaseFactory, TokenFactory
from tests.support.database import connection
from tests.support.http import serve
from tests.support.polling import eventually

SCOPES = ("campaigns:read", "campaigns:write", "campaigns:launch")
TEMPLATE = {
    "subject": "{{ profile.given_name | default: 'Hello' }}, {{ offer.text }}",
    "html": "<p>Dear {{ profile.display_name | default: 'friend' }}</p><a href='{{ unsubscribe_url }}'>stop</a>",
    "text": "Dear {{ profile.display_name | default: 'friend' }}\n{{ unsubscribe_url }}\n",
}


class Campaigns:
    """A running campaign-service and what its tests ask of it."""

    def __init__(self, client: httpx.AsyncClient, database_url: str, world: World, mailbox: Mailbox) -> None:
        self.client = client
        self.database_url = database_url
        self.world = world
        self.mailbox = mailbox

    @property
    def base(self) -> str:
        return str(self.client.base_url).rstrip("/")

    async def create(self, **changes: Any) -> str:
        """A draft to the medium class; its id."""
        body = {
            "name": "Spring",
            "audience": {"rule": {"value_class": ["medium"]}},
            "template": TEMPLATE,
            "offer": {"offer_id": "ten", "text": "ten percent off"},
            "control_share": 0.2,
            "cost_per_contact": {"amount": "0.05", "currency": "USD"},
            "margin": 0.5,
            **changes,
        }
        response = await self.client.post("/v1/campaigns", json=body)
        assert response.status_code == 201, response.text
        return str(response.json()["campaign_id"])

    async def launch(self, campaign_id: str) -> None:
        """Launch and wait until the audience is frozen."""
        response = await self.client.post(f"/v1/campaigns/{campaign_id}/launch")
        assert response.status_code == 202, response.text
        job = await self.job(response.headers["location"])
        assert job["state"] == "succeeded", job

    async def job(self, location: str, deadline: float = 30) -> dict[str, Any]:
        """A job once it has ended."""

        async def ended() -> dict[str, Any]:
            found: dict[str, Any] = (await self.client.get(location)).json()
            assert found["state"] in {"succeeded", "failed", "cancelled"}
            return found

        return await eventually(ended, deadline=deadline)

    async def sends(self, campaign_id: str) -> dict[str, int]:
        """How many messages are in which state."""
        found: dict[str, int] = (await self.client.get(f"/v1/campaigns/{campaign_id}")).json()["sends"]
        return found

    async def settled(self, campaign_id: str, deadline: float = 60) -> dict[str, int]:
        """The states of the messages once none is on its way."""

        async def done() -> dict[str, int]:
            found = await self.sends(campaign_id)
            assert not found.keys() & {"pending", "sending"}, found
            return found or {"none": 1}

        return await eventually(done, deadline=deadline, every=0.1)

    async def recipients(self, campaign_id: str, **query: str) -> list[dict[str, Any]]:
        """Everybody in the frozen audience."""
        items: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            params = {"limit": "100", **query, **({"cursor": cursor} if cursor else {})}
            page = (await self.client.get(f"/v1/campaigns/{campaign_id}/recipients", params=params)).json()
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return items

    async def recipient(self, campaign_id: str, profile_id: UUID) -> dict[str, Any]:
        """One person's place."""
        response = await self.client.get(f"/v1/campaigns/{campaign_id}/recipients/{profile_id}")
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    async def report(self, campaign_id: str) -> dict[str, Any]:
        """The report."""
        response = await self.client.get(f"/v1/campaigns/{campaign_id}/report")
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    async def caught_up(self) -> None:
        """Wait until both feeds have been followed to their present end."""

        async def done() -> bool:
            async with self.database() as conn:
                rows = await conn.fetch("SELECT consumer, last_event_id FROM feed_position")
            at = {row["consumer"]: int(row["last_event_id"].split("-")[0] or 0) for row in rows}
            feeds = {"profile": self.world.profile_feed, "interaction": self.world.interaction_feed}
            return all(at.get(name, 0) == len(feed.events) for name, feed in feeds.items())

        await eventually(done, deadline=20)
        async with self.database() as conn:
            assert await conn.fetch("SELECT * FROM feed_failure") == []

    def database(self) -> AbstractAsyncContextManager["asyncpg.Connection[asyncpg.Record]"]:
        """A connection of its own to the service's database."""
        return connection(self.database_url)

    async def events(self) -> list[dict[str, Any]]:
        """What the service's own feed says."""
        response = await self.client.get("/v1/feed", params={"limit": 10_000})
        found: list[dict[str, Any]] = response.json()
        return found


Start = Callable[..., AbstractAsyncContextManager[Campaigns]]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """The services around."""
    async with World().served() as served:
        yield served


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    """A mail server that behaves."""
    async with Mailbox().served() as served:
        yield served


@pytest.fixture
def environment(keys: KeyStore) -> Callable[[str, World, Mailbox], dict[str, Any]]:
    """Settings of a campaign-service in this world."""

    def made(database_url: str, world: World, mailbox: Mailbox) -> dict[str, Any]:
        return {
            "database_url": database_url,
            "jwks_file": keys.jwks_path,
            "profile_url": world.profile_url,
            "segment_url": world.profile_url,
            "interaction_url": world.interaction_url,
            "smtp_url": f"smtp://127.0.0.1:{mailbox.port}",
            "mail_from": "Shop <news@shop.test>",
            "public_url": "https://shop.test",
            "service_token": "unused",
            "idle_seconds": 0.05,
            "retry_seconds": 0.05,
            "send_timeout_seconds": 5,
            "page_size": 50,
        }

    return made


@pytest.fixture
def start(
    database: DatabaseFactory,
    token: TokenFactory,
    world: World,
    mailbox: Mailbox,
    environment: Callable[[str, World, Mailbox], dict[str, Any]],
) -> Start:
    """`async with start(idle_seconds=1) as campaigns`: a service with some settings changed."""

    @asynccontextmanager
    async def started(
        *, box: Mailbox | None = None, database_url: str | None = None, **changes: Any
    ) -> AsyncIterator[Campaigns]:
        url = database_url or await database("campaign")
        settings = CampaignSettings(**{**environment(url, world, box or mailbox), **changes})
        async with serve(lambda: create_app(settings)) as base:
            headers = {"authorization": f"Bearer {token(*SCOPES)}"}
            async with httpx.AsyncClient(base_url=base, headers=headers, timeout=30) as client:
                yield Campaigns(client, url, world, box or mailbox)

    return started


@pytest.fixture
async def campaigns(start: Start) -> AsyncIterator[Campaigns]:
    """A running campaign-service."""
    async with start() as running:
        yield running
