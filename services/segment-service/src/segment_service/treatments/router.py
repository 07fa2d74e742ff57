"""/v1/treatments: what customers of each class and grade get."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Request, Response
from rapport.auth import Caller, needs
from rapport.concurrency import etag
from rapport.database import Reading, Transaction
from rapport.errors import documented
from rapport.pagination import Cursor, Limit, Page
from rapport.routing import service_router

from segment_service.treatments import service
from segment_service.treatments.schemas import Budget, Resolved, TreatmentIn, TreatmentOut

router = service_router("treatments")

Key = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


@router.put(
    "/treatments/{key}",
    dependencies=[needs("segments:write")],
    responses={201: {"model": TreatmentOut, "description": "Kept for the first time"}, **documented(412)},
)
async def put(
    key: Key, body: TreatmentIn, request: Request, response: Response, connection: Transaction, caller: Caller
) -> TreatmentOut:
    """Keep a treatment; standings show it within a second."""
    found, new = await service.put(connection, key, body, caller.subject, request)
    response.headers["ETag"] = etag(found.version)
    if new:
        response.status_code = 201
        response.headers["Location"] = f"/v1/treatments/{key}"
    return found


@router.get("/treatments", dependencies=[needs("segments:read")])
async def listed(connection: Reading, limit: Limit = 50, cursor: Cursor = None) -> Page[TreatmentOut]:
    """Treatments in the order of their keys."""
    return await service.listed(connection, cursor, limit)


@router.get("/treatments/{key}", dependencies=[needs("segments:read")])
async def read(key: Key, response: Response, connection: Reading) -> TreatmentOut:
    """A treatment."""
    found = await service.treatment(connection, key)
    response.headers["ETag"] = etag(found.version)
    return found


@router.delete("/treatments/{key}", status_code=204, dependencies=[needs("segments:write")], responses=documented(412))
async def remove(key: Key, request: Request, connection: Transaction) -> None:
    """Remove a treatment."""
    await service.remove(connection, key, request)


@router.get("/treatment-budget", dependencies=[needs("segments:read")])
async def read_budget(request: Request, connection: Reading) -> Budget:
    """What each treatment costs a year against what its customers bring."""
    settings = request.app.state.settings
    return await service.budget(connection, settings.currency, settings.period_days)


@router.get("/profiles/{profile_id}/treatment", dependencies=[needs("segments:read")])
async def read_treatment(profile_id: UUID, connection: Reading) -> Resolved:
    """What a customer gets, and why."""
    return await service.treatment_of(connection, profile_id)
