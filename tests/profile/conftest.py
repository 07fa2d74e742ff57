"""A running profile-service with a database of its own."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from profile_service.main import create_app
from profile_service.settings import ProfileSettings
from rapport.database import Database
from rapport.tokens import KeyStore

from tests.conftest import DatabaseFactory, TokenFactory
from tests.profile.lists import Lists
from tests.support.http import serve

SCOPES = ("profiles:read", "profiles:write", "profiles:pii")


class Profiles:
    """A running profile-service and what its tests ask of it."""

    def __init__(self, client: httpx.AsyncClient, database: Database) -> None:
        self.client = client
        self.database = database

    async def resolve(self, *identifiers: tuple[str, str], create: bool = True) -> dict[str, Any]:
        """The answer to a resolve call, which must succeed."""
        body = {"identifiers": pairs(*identifiers), "create": create}
        response = await self.client.post("/v1/profiles/resolve", json=body)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def profile_of(self, kind: str, value: str) -> str:
        """The profile that an identifier belongs to."""
        return str((await self.resolve((kind, value), create=False))["profile_id"])

    async def link(self, a: tuple[str, str], b: tuple[str, str], reason: str = "they said so") -> dict[str, Any]:
        """The answer to an operator's link."""
        body = {"a": pairs(a)[0], "b": pairs(b)[0], "reason": reason}
        response = await self.client.post("/v1/links", json=body)
        assert response.status_code == 201, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def read(self, profile_id: str) -> dict[str, Any]:
        """A profile's file."""
        response = await self.client.get(f"/v1/profiles/{profile_id}")
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def create(self, **body: Any) -> dict[str, Any]:
        """A new profile's file."""
        response = await self.client.post("/v1/profiles", json=body)
        assert response.status_code == 201, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def ledger(self, profile_id: str) -> list[dict[str, Any]]:
        """Links of a profile, newest first."""
        response = await self.client.get(f"/v1/profiles/{profile_id}/links", params={"limit": 500})
        assert response.status_code == 200, response.text
        items: list[dict[str, Any]] = response.json()["items"]
        return items

    async def events(self) -> list[dict[str, Any]]:
        """All that the feed holds."""
        response = await self.client.get("/v1/feed", params={"limit": 10_000})
        assert response.status_code == 200, response.text
        items: list[dict[str, Any]] = response.json()
        return items

    async def map(self) -> dict[UUID, UUID]:
        """Profile of every identity, straight from the database."""
        rows = await self.database.pool.fetch("SELECT identity_id, profile_id FROM identity")
        return {row["identity_id"]: row["profile_id"] for row in rows}


def pairs(*identifiers: tuple[str, str]) -> list[dict[str, str]]:
    """Identifiers as bodies hold them."""
    return [{"kind": kind, "value": value} for kind, value in identifiers]


@pytest.fixture
async def profiles(database: DatabaseFactory, keys: KeyStore, token: TokenFactory) -> AsyncIterator[Profiles]:
    """A profile-service that answers and follows nobody; its client may do and see everything."""
    url = await database("profile")
    settings = ProfileSettings(database_url=url, role="api", jwks_file=keys.jwks_path, default_country="TW")
    app = create_app(settings)
    async with (
        serve(app) as base,
        httpx.AsyncClient(base_url=base, headers={"Authorization": f"Bearer {token(*SCOPES)}"}, timeout=30) as client,
    ):
        yield Profiles(client, app.state.database)


@pytest.fixture
def lists(profiles: Profiles, tmp_path: Path) -> Lists:
    """Imports of the profile-service that answers, worked by hand."""
    settings = ProfileSettings(database_url=profiles.database.url, data_dir=tmp_path, default_country="TW")
    return Lists(profiles.client, profiles.database, settings)
