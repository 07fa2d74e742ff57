"""Asking for one's rights, and what has come of it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
from rapport import feed
from rapport.database import Connection
from rapport.feed import Event
from rapport.identity import Identifier, identity_id

from profile_service.jobs.service import submit
from profile_service.privacy import repository
from profile_service.privacy.erasure import REQUESTED, alone, person_of
from profile_service.privacy.errors import NoExport, NothingToLift, NotReady, UnknownRequest
from profile_service.privacy.repository import Request
from profile_service.privacy.schemas import RequestBody

JOB: Final = "privacy_request"
OTHERS: Final = ("campaign", "interaction", "segment")
SERVICES: Final = ("profile", *OTHERS)
EXPORTING: Final = frozenset({"access", "portability"})


async def ask(connection: Connection, body: RequestBody, identifiers: Sequence[Identifier], by: str) -> Request:
    """Take a request; a restriction holds at once, everything else is carried out by a job."""
    named = {identity_id(each.kind, each.value): each.value for each in identifiers}
    person = await person_of(connection, named)
    if body.type == "restriction":
        person = await alone(connection, person)
    request = await repository.insert(connection, body.type, by, identifiers, person)
    if body.type == "restriction":
        await _restrict(connection, request)
    else:
        await repository.await_receipts(connection, request.request_id, SERVICES)
        job = await submit(connection, JOB, {"request_id": str(request.request_id)})
        await repository.set_job(connection, request.request_id, job.job_id)
    if body.type == "erasure":
        await _tell(connection, REQUESTED, request)
    return await read(connection, request.request_id)


async def read(connection: Connection, request_id: UUID) -> Request:
    """A request; raises `UnknownRequest`."""
    found = await repository.read(connection, request_id)
    if found is None:
        raise UnknownRequest(f"There is no privacy request {request_id}.")
    return found


async def receipts(connection: Connection, requests: Sequence[Request]) -> dict[UUID, list[asyncpg.Record]]:
    """Receipts by request."""
    return await repository.receipts(connection, [each.request_id for each in requests])


async def listed(connection: Connection, before: UUID | None, limit: int) -> list[Request]:
    """Requests, newest first."""
    return await repository.page(connection, before, limit)


async def export(connection: Connection, request_id: UUID) -> tuple[Request, dict[str, Any]]:
    """What the services gave out, by service; raises `UnknownRequest`, `NotReady` or `NoExport`."""
    request = await read(connection, request_id)
    if request.type not in EXPORTING:
        raise NoExport(f"A request of type {request.type} exports nothing.")
    if request.state != "succeeded":
        raise NotReady
    found = await repository.exports(connection, request_id)
    if not found:
        raise NoExport
    return request, found


async def lift(connection: Connection, request_id: UUID) -> Request:
    """End a restriction; raises `UnknownRequest` or `NothingToLift`."""
    request = await read(connection, request_id)
    if not await repository.lift(connection, request_id):
        raise NothingToLift
    await _tell(connection, "privacy.restriction_lifted", request)
    return await read(connection, request_id)


async def _restrict(connection: Connection, request: Request) -> None:
    await repository.restrict(connection, request.own, request.request_id)
    await repository.await_receipts(connection, request.request_id, ["profile"])
    counts = {"restriction": len(request.own)}
    await repository.keep_counts(connection, request.request_id, "profile", 1, counts, done=True)
    await repository.complete(connection, request.request_id)
    await _tell(connection, "privacy.restricted", request)


async def _tell(connection: Connection, name: str, request: Request) -> None:
    """By profile ids alone: those who have erased the person keep nothing that leads to them."""
    data = {"request_id": str(request.request_id), "profile_ids": [str(each) for each in request.profiles]}
    event = Event(type=name, time=datetime.now(UTC), subject=str(request.request_id), data=data)
    await feed.append(connection, [event])


def total(counts: str) -> dict[str, int]:
    """Rows by table over all rounds of a receipt."""
    found: dict[str, int] = {}
    for each in msgspec.json.decode(counts, type=dict[str, dict[str, int]]).values():
        for name, count in each.items():
            found[name] = found.get(name, 0) + count
    return found
