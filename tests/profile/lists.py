"""Importing lists in tests."""

import csv
import io
import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import httpx
from fastapi import FastAPI
from profile_service.imports.job import run
from profile_service.imports.service import JOB
from profile_service.jobs.worker import do_next
from profile_service.policy import Policy
from profile_service.settings import ProfileSettings
from rapport.database import Database

SPEC: dict[str, Any] = {
    "source": "spring fair",
    "lawful_basis": "legitimate_interest",
    "permitted_uses": ["marketing"],
    "expires_at": "2099-12-31T00:00:00Z",
    "country": "TW",
    "mapping": {
        "E-mail": {"identifier": "email"},
        "Mobile": {"identifier": "phone"},
        "First": {"trait": "given_name"},
        "Last": {"trait": "family_name"},
    },
}


class Lists:
    """What tests ask of imports: the worker is run by hand."""

    client: httpx.AsyncClient
    database: Database

    @classmethod
    def over(cls, client: httpx.AsyncClient) -> "Lists":
        """Imports of a service with workers of its own."""
        lists = cls.__new__(cls)
        lists.client = client
        return lists

    def __init__(self, client: httpx.AsyncClient, database: Database, settings: ProfileSettings) -> None:
        self.client = client
        self.database = database
        policy = Policy(settings.guards(), settings.default_country, settings.consents())
        state = SimpleNamespace(database=database, settings=settings, policy=policy)
        self.app = cast("FastAPI", SimpleNamespace(state=state))

    async def send(
        self,
        content: bytes | str,
        spec: Mapping[str, Any] = SPEC,
        *,
        to: str = "/v1/imports",
        media: str = "text/csv",
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """The answer to an upload."""
        body = content.encode() if isinstance(content, str) else content
        files = {"file": ("list.csv", body, media)}
        return await self.client.post(to, files=files, data={"spec": json.dumps(spec)}, headers=dict(headers or {}))

    async def start(self, content: bytes | str, spec: Mapping[str, Any] = SPEC, **more: Any) -> dict[str, Any]:
        """The answer to an upload that is taken."""
        response = await self.send(content, spec, **more)
        assert response.status_code == 202, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def work(self) -> bool:
        """Do the next import that waits, to its end."""
        return await do_next(self.app, self.database, JOB, run, alone=True)

    async def take(self, content: bytes | str, spec: Mapping[str, Any] = SPEC, **more: Any) -> dict[str, Any]:
        """An import that is done."""
        started = await self.start(content, spec, **more)
        assert await self.work()
        done = await self.read(started["id"])
        assert done["state"] == "succeeded", done
        return done

    async def read(self, import_id: str) -> dict[str, Any]:
        """An import as it is now."""
        response = await self.client.get(f"/v1/imports/{import_id}")
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def faults(self, import_id: str, **headers: str) -> list[dict[str, str]]:
        """The lines of errors.csv."""
        response = await self.client.get(f"/v1/imports/{import_id}/errors.csv", headers=headers)
        assert response.status_code == 200, response.text
        assert response.headers["content-type"].startswith("text/csv")
        return list(csv.DictReader(io.StringIO(response.text)))
