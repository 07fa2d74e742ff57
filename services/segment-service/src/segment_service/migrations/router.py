"""The migration matrix, as data and as a drawing."""

import asyncio
from typing import Annotated

from fastapi import Depends, Query, Request, Response
from rapport.auth import needs
from rapport.pagination import Page
from rapport.routing import service_router

from segment_service.migrations import service
from segment_service.migrations.schemas import Migration, MigrationQuery, MoverOut, MoversQuery

router = service_router("migrations", problems=())


async def _asked(request: Request, query: Annotated[MigrationQuery, Query()]) -> Migration:
    state = request.app.state
    return await service.migration(state.store, state.engine, state.settings, query)


Asked = Annotated[Migration, Depends(_asked)]


@router.get("/migrations", dependencies=[needs("segments:read")], response_model_exclude_unset=True)
async def read_migration(migration: Asked) -> Migration:
    """Who moved between value classes from one date to another, by what is known today of the orders up to each."""
    return migration


@router.get(
    "/migrations.svg",
    dependencies=[needs("segments:read")],
    response_class=Response,
    responses={200: {"content": {"image/svg+xml": {"schema": {"type": "string"}}}}},
)
async def draw_migration(migration: Asked) -> Response:
    """The same as a drawing."""
    # Drawing libraries take a second to load: only when somebody wants to see one.
    from segment_service.migrations.chart import svg  # noqa: PLC0415

    return Response(await asyncio.to_thread(svg, migration), media_type="image/svg+xml")


@router.get("/migrations/members", dependencies=[needs("segments:read")])
async def list_movers(request: Request, query: Annotated[MoversQuery, Query()]) -> Page[MoverOut]:
    """The customers of one cell, or of all; those who bought most in both periods first."""
    state = request.app.state
    return await service.members(state.store, state.engine, state.settings, query)
