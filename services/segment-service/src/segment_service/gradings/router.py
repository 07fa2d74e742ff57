"""/v1/gradings: schemes of grades that the firm defines."""

from typing import Annotated

from fastapi import Path, Request, Response
from rapport.auth import Caller, needs
from rapport.concurrency import etag
from rapport.database import Reading, Transaction
from rapport.errors import documented
from rapport.pagination import Cursor, Limit, Page
from rapport.routing import service_router
from rapport.text import CleanText

from segment_service.gradings import service
from segment_service.gradings.schemas import GradingIn, GradingOut, Holder

router = service_router("gradings", prefix="/v1/gradings")

Key = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


@router.put(
    "/{key}",
    dependencies=[needs("segments:write")],
    responses={201: {"model": GradingOut, "description": "Kept for the first time"}, **documented(412)},
)
async def put(
    key: Key, body: GradingIn, request: Request, response: Response, connection: Transaction, caller: Caller
) -> GradingOut:
    """Keep a scheme; everybody is graded by it, and again whenever an answer to one of its rules changes."""
    found, new = await service.put(connection, key, body, caller.subject, request)
    response.headers["ETag"] = etag(found.version)
    if new:
        response.status_code = 201
        response.headers["Location"] = f"/v1/gradings/{key}"
    return found


@router.get("", dependencies=[needs("segments:read")])
async def listed(connection: Reading, limit: Limit = 50, cursor: Cursor = None) -> Page[GradingOut]:
    """Schemes in the order of their keys."""
    return await service.listed(connection, cursor, limit)


@router.get("/{key}", dependencies=[needs("segments:read")])
async def read(key: Key, response: Response, connection: Reading) -> GradingOut:
    """A scheme, and how many hold each grade."""
    found = await service.grading(connection, key)
    response.headers["ETag"] = etag(found.version)
    return found


@router.delete("/{key}", status_code=204, dependencies=[needs("segments:write")], responses=documented(412))
async def remove(key: Key, request: Request, connection: Transaction) -> None:
    """Remove a scheme and the grades held in it."""
    await service.remove(connection, key, request)


@router.get("/{key}/grades/{grade}/customers", dependencies=[needs("segments:read")])
async def holders(
    key: Key, grade: CleanText, connection: Reading, limit: Limit = 50, cursor: Cursor = None
) -> Page[Holder]:
    """Customers with a grade, in the order of their ids."""
    return await service.holders(connection, key, grade, cursor, limit)
