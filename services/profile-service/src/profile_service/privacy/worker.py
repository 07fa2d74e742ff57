"""Carrying requests out over all four services, however often any of them is down meanwhile."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final, TypeVar
from uuid import UUID

import msgspec
from fastapi import FastAPI
from rapport import feed
from rapport.database import Database
from rapport.errors import Overloaded
from rapport.http import ServiceClient, ServiceUnavailable, decode
from rapport.privacy.holdings import export

from profile_service.jobs.worker import RunningJob
from profile_service.privacy import repository
from profile_service.privacy.erasure import erase_here, finished
from profile_service.privacy.holdings import HOLDINGS
from profile_service.privacy.repository import Request
from profile_service.privacy.service import EXPORTING, OTHERS, SERVICES

T = TypeVar("T")
_PAUSES: Final = (0.2, 0.5, 1, 2, 5)
# Somebody who goes on writing under the same identifiers is a customer again.
_ROUNDS: Final = 20
_SECONDS: Final = 600.0
_log = logging.getLogger(__name__)


class _Exported(msgspec.Struct):
    sections: msgspec.Raw


class _Erased(msgspec.Struct):
    counts: dict[str, int]


async def carry_out(app: FastAPI, job: RunningJob) -> Mapping[str, Any]:
    """The job of one request, from wherever an earlier attempt got to."""
    work = _Work(app, job)
    request = await work.load()
    if request.type in EXPORTING:
        await work.collect(request)
    else:
        await work.erase(request)
    return {"request_id": str(request.request_id)}


class _Work:
    """One request under way."""

    def __init__(self, app: FastAPI, job: RunningJob) -> None:
        self._app = app
        self._job = job
        self._database: Database = app.state.database
        self._clients: Mapping[str, ServiceClient] = app.state.privacy_clients
        self._id = UUID(job.spec["request_id"])

    async def load(self) -> Request:
        """The request as it is now."""
        request = await repository.read(self._database.pool, self._id)
        if request is None:
            raise LookupError(f"privacy request {self._id} is gone")
        return request

    async def collect(self, request: Request) -> None:
        """Have everybody give out what they hold."""
        await repository.begin_round(self._database.pool, self._id, 1)
        rows = (await repository.receipts(self._database.pool, [self._id]))[self._id]
        done = {row["service"] for row in rows if row["state"] == "done"}
        for number, service in enumerate(SERVICES):
            if service not in done:
                await self._insist(service, partial(self._collect, request, service))
            await self._job.advance(self._database.pool, number + 1, len(SERVICES))
        async with self._database.transaction() as connection:
            await repository.complete(connection, self._id)

    async def erase(self, request: Request) -> None:
        """Round after round until nobody finds anything more."""
        for round_ in range(request.round, _ROUNDS + 1):
            await repository.begin_round(self._database.pool, self._id, round_)
            found = sum([await self._insist(each, partial(self._erase, each)) for each in SERVICES])
            if not found:
                break
        request = await self.load()
        async with self._database.transaction() as connection:
            await repository.complete(connection, self._id)
            await repository.forget_person(connection, self._id)
            await feed.append(connection, [finished(request)])

    async def _collect(self, request: Request, service: str) -> None:
        person = request.person
        if service in OTHERS:
            body = {"identities": [*person.own, *person.shared], "profiles": person.profiles}
            sections = decode(await self._post(service, "/v1/privacy/exports", body), _Exported).sections
        else:
            async with self._database.pool.acquire(timeout=10) as connection:
                sections = msgspec.Raw(msgspec.json.encode(await export(connection, person, HOLDINGS)))
        counts = {name: len(rows) for name, rows in msgspec.json.decode(sections).items()}
        async with self._database.transaction() as connection:
            await repository.keep_export(connection, self._id, service, bytes(sections).decode())
            await repository.keep_counts(connection, self._id, service, 1, counts, done=True)

    async def _erase(self, service: str) -> int:
        request = await self.load()
        if service in OTHERS:
            body = {
                "request_id": request.request_id,
                "round": request.round,
                "identities": request.own,
                "shared": request.shared,
                "profiles": request.profiles,
                "values": request.named,
            }
            counts = decode(await self._post(service, "/v1/privacy/erasures", body), _Erased).counts
        else:
            state = self._app.state
            counts = await erase_here(self._database, state.policy, state.pseudonyms, request)
        await repository.keep_counts(self._database.pool, self._id, service, request.round, counts, done=not counts)
        return sum(counts.values())

    async def _post(self, service: str, path: str, body: Mapping[str, Any]) -> Any:
        response = await self._clients[service].post(path, json=body, timeout=_SECONDS)
        if response.status_code != 200:
            raise ServiceUnavailable(service, f"it answered {response.status_code}: {response.text[:300]}")
        return response

    async def _insist(self, service: str, work: Callable[[], Awaitable[T]]) -> T:
        """What `work` gives, however long the service is away; meanwhile its receipt says that it is waited for."""
        tried = 0
        while True:
            try:
                return await work()
            except (ServiceUnavailable, Overloaded) as error:
                _log.warning("privacy request %s waits for %s: %s", self._id, service, error)
                await repository.wait_for(self._database.pool, self._id, service, error.detail[:500])
            # Waiting is no failed attempt, however often this process dies over it.
            await self._job.advance(self._database.pool, self._job.done)
            await asyncio.sleep(_PAUSES[min(tried, len(_PAUSES) - 1)])
            tried += 1
