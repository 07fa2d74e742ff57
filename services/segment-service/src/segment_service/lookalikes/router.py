"""/v1/lookalikes: finding the ideal customer."""

import asyncio
from uuid import UUID

from fastapi import Response
from rapport.auth import needs
from rapport.database import Reading, Transaction
from rapport.pagination import Cursor, Limit, Page
from rapport.routing import service_router

from segment_service.lookalikes import service
from segment_service.lookalikes.schemas import LookalikeIn, LookalikeOut, Ranked, Started

router = service_router("lookalikes")


@router.post("/lookalikes", status_code=202, dependencies=[needs("segments:write")])
async def find(body: LookalikeIn, response: Response, connection: Transaction) -> Started:
    """Learn what sets the seeds apart, and rank everybody else by it."""
    started = await service.request(connection, body)
    response.headers["Location"] = f"/v1/jobs/{started.job_id}"
    return started


@router.get("/lookalikes", dependencies=[needs("segments:read")])
async def list_lookalikes(connection: Reading, limit: Limit = 50, cursor: Cursor = None) -> Page[LookalikeOut]:
    """Look-alikes, the newest first."""
    return await service.listed(connection, cursor, limit)


@router.get("/lookalikes/{lookalike_id}", dependencies=[needs("segments:read")])
async def read_lookalike(lookalike_id: UUID, connection: Reading) -> LookalikeOut:
    """A look-alike: the model, its gains on customers held out, what it goes by."""
    return await service.lookalike(connection, lookalike_id)


@router.delete("/lookalikes/{lookalike_id}", status_code=204, dependencies=[needs("segments:write")])
async def remove_lookalike(lookalike_id: UUID, connection: Transaction) -> None:
    """Remove a look-alike and its ranking."""
    await service.remove(connection, lookalike_id)


@router.get(
    "/lookalikes/{lookalike_id}/gains.svg",
    dependencies=[needs("segments:read")],
    response_class=Response,
    responses={200: {"content": {"image/svg+xml": {"schema": {"type": "string"}}}}},
)
async def draw_gains(lookalike_id: UUID, connection: Reading) -> Response:
    """How many of the sought are found among the best tenths, as a drawing."""
    # Drawing libraries take a second to load: only when somebody wants to see one.
    from segment_service.lookalikes.chart import svg  # noqa: PLC0415

    found = await service.lookalike(connection, lookalike_id)
    return Response(await asyncio.to_thread(svg, found), media_type="image/svg+xml")


@router.get("/lookalikes/{lookalike_id}/ranking", dependencies=[needs("segments:read")])
async def read_ranking(
    lookalike_id: UUID, connection: Reading, limit: Limit = 50, cursor: Cursor = None
) -> Page[Ranked]:
    """Customers who are not seeds, those most like them first."""
    return await service.ranking(connection, lookalike_id, cursor, limit)
