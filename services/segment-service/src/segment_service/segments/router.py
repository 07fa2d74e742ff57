"""/v1/segments."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Request, Response
from rapport.auth import Caller, needs
from rapport.concurrency import etag
from rapport.database import Transaction
from rapport.errors import documented
from rapport.pagination import Cursor, Limit, Page
from rapport.routing import service_router

from segment_service.segments import previews, service
from segment_service.segments.schemas import (
    ListChange,
    ListChanged,
    Member,
    Membership,
    Preview,
    PreviewIn,
    SegmentIn,
    SegmentOut,
)

router = service_router("segments", prefix="/v1/segments", problems=(404, 409))

Key = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


@router.post("/preview", dependencies=[needs("segments:read")])
async def preview(body: PreviewIn, request: Request, caller: Caller) -> Preview:
    """How many customers a rule describes, as of when, and ten with the reasons, traits with `profiles:pii` alone."""
    state = request.app.state
    seconds, pii = state.settings.preview_seconds, caller.may("profiles:pii")
    return await previews.preview(state.database, state.relations, state.quick, body, seconds, pii=pii)


@router.put(
    "/{key}",
    dependencies=[needs("segments:write")],
    responses={201: {"model": SegmentOut, "description": "Kept for the first time"}, **documented(412)},
)
async def put(
    key: Key, body: SegmentIn, request: Request, response: Response, connection: Transaction, caller: Caller
) -> SegmentOut:
    """Keep a segment. With another rule than before, members stay as they are until everybody has been asked anew."""
    found, new = await service.put(connection, key, body, caller.subject, request)
    response.headers["ETag"] = etag(found.version)
    if new:
        response.status_code = 201
        response.headers["Location"] = f"/v1/segments/{key}"
    return found


@router.get("", dependencies=[needs("segments:read")])
async def listed(connection: Transaction, limit: Limit = 50, cursor: Cursor = None) -> Page[SegmentOut]:
    """Segments in the order of their keys."""
    return await service.listed(connection, cursor, limit)


@router.get("/{key}", dependencies=[needs("segments:read")])
async def read(key: Key, response: Response, connection: Transaction) -> SegmentOut:
    """A segment with its size and health."""
    found = await service.segment(connection, key)
    response.headers["ETag"] = etag(found.version)
    return found


@router.delete("/{key}", status_code=204, dependencies=[needs("segments:write")], responses=documented(412))
async def remove(key: Key, request: Request, connection: Transaction) -> None:
    """Remove a segment that no other refers to."""
    await service.remove(connection, key, request)


@router.get("/{key}/members", dependencies=[needs("segments:read")])
async def members(key: Key, connection: Transaction, limit: Limit = 50, cursor: Cursor = None) -> Page[Member]:
    """Members in the order of their ids."""
    return await service.members(connection, key, cursor, limit)


@router.post("/{key}/members", dependencies=[needs("segments:write")])
async def change_list(key: Key, body: ListChange, connection: Transaction, caller: Caller) -> ListChanged:
    """Put customers on a list and take others off; only for a segment with `static`."""
    return await service.change_list(connection, key, body, caller.subject)


@router.get("/{key}/members/{profile_id}", dependencies=[needs("segments:read")])
async def membership(key: Key, profile_id: UUID, connection: Transaction, caller: Caller) -> Membership:
    """Why a customer is in or out: each condition with the value it met, those of traits with `profiles:pii` alone."""
    return await service.membership(connection, key, profile_id, pii=caller.may("profiles:pii"))
