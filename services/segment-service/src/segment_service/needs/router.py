"""/v1/need-groups, and what one customer needs."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import Path, Request, Response
from rapport.auth import Caller, needs
from rapport.concurrency import etag
from rapport.database import Transaction
from rapport.errors import documented
from rapport.pagination import Cursor, Limit, Page
from rapport.routing import service_router

from segment_service.needs import service
from segment_service.needs.schemas import InGroup, Matrix, NeedGroupIn, NeedGroupOut, NeedsOut

router = service_router("needs")

Key = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


@router.put(
    "/need-groups/{key}",
    dependencies=[needs("segments:write")],
    responses={201: {"model": NeedGroupOut, "description": "Kept for the first time"}, **documented(412)},
)
async def put(
    key: Key, body: NeedGroupIn, request: Request, response: Response, connection: Transaction, caller: Caller
) -> NeedGroupOut:
    """Keep a need group; everybody is looked at for its evidence, and again whenever that changes."""
    found, new = await service.put(connection, key, body, caller.subject, request)
    response.headers["ETag"] = etag(found.version)
    if new:
        response.status_code = 201
        response.headers["Location"] = f"/v1/need-groups/{key}"
    return found


@router.get("/need-groups", dependencies=[needs("segments:read")])
async def listed(connection: Transaction, limit: Limit = 50, cursor: Cursor = None) -> Page[NeedGroupOut]:
    """Need groups in the order of their keys."""
    return await service.listed(connection, cursor, limit)


@router.get("/need-groups/{key}", dependencies=[needs("segments:read")])
async def read(key: Key, response: Response, connection: Transaction) -> NeedGroupOut:
    """A need group, and how many are in it."""
    found = await service.group(connection, key)
    response.headers["ETag"] = etag(found.version)
    return found


@router.delete("/need-groups/{key}", status_code=204, dependencies=[needs("segments:write")], responses=documented(412))
async def remove(key: Key, request: Request, connection: Transaction) -> None:
    """Remove a need group."""
    await service.remove(connection, key, request)


@router.get("/need-groups/{key}/members", dependencies=[needs("segments:read")])
async def members(key: Key, connection: Transaction, limit: Limit = 50, cursor: Cursor = None) -> Page[InGroup]:
    """Customers in the group, the surest first."""
    return await service.members(connection, key, cursor, limit)


@router.get("/profiles/{profile_id}/needs", dependencies=[needs("segments:read")])
async def read_needs(profile_id: UUID, connection: Transaction, caller: Caller) -> NeedsOut:
    """What a customer needs, the surest first, with the evidence; values of traits with `profiles:pii` alone."""
    return await service.needs_of(connection, profile_id, pii=caller.may("profiles:pii"))


@router.get("/need-matrix", dependencies=[needs("segments:read")])
async def read_matrix(request: Request, connection: Transaction) -> Matrix:
    """Value by need: how many customers of each class are in each group, and what they bought in the period."""
    return await service.matrix(connection, request.app.state.settings.currency)


@router.get(
    "/need-matrix.svg",
    dependencies=[needs("segments:read")],
    response_class=Response,
    responses={200: {"content": {"image/svg+xml": {"schema": {"type": "string"}}}}},
)
async def draw_matrix(request: Request, connection: Transaction) -> Response:
    """The same as a drawing."""
    # Drawing libraries take a second to load: only when somebody wants to see one.
    from segment_service.needs.chart import svg  # noqa: PLC0415

    found = await service.matrix(connection, request.app.state.settings.currency)
    return Response(await asyncio.to_thread(svg, found), media_type="image/svg+xml")
