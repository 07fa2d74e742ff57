"""/v1/clusterings: groups found in the data."""

import asyncio
from uuid import UUID

from fastapi import Response
from rapport.auth import needs
from rapport.database import Reading, Transaction
from rapport.pagination import Cursor, Limit, Page
from rapport.routing import service_router
from rapport.text import CleanText

from segment_service.clusterings import service
from segment_service.clusterings.schemas import ClusteringIn, ClusteringOut, GroupMember, Started

router = service_router("clusterings")


@router.post("/clusterings", status_code=202, dependencies=[needs("segments:write")])
async def find_groups(response: Response, connection: Transaction, body: ClusteringIn | None = None) -> Started:
    """Look for groups of customers who buy alike."""
    started = await service.request(connection, body or ClusteringIn())
    response.headers["Location"] = f"/v1/jobs/{started.job_id}"
    return started


@router.get("/clusterings", dependencies=[needs("segments:read")])
async def list_clusterings(
    connection: Reading, name: CleanText | None = None, limit: Limit = 50, cursor: Cursor = None
) -> Page[ClusteringOut]:
    """Clusterings, the newest first."""
    return await service.listed(connection, name, cursor, limit)


@router.get("/clusterings/{clustering_id}", dependencies=[needs("segments:read")])
async def read_clustering(clustering_id: UUID, connection: Reading) -> ClusteringOut:
    """A clustering and the groups it found."""
    return await service.clustering(connection, clustering_id)


@router.get(
    "/clusterings/{clustering_id}/groups.svg",
    dependencies=[needs("segments:read")],
    response_class=Response,
    responses={200: {"content": {"image/svg+xml": {"schema": {"type": "string"}}}}},
)
async def draw_clustering(clustering_id: UUID, connection: Reading) -> Response:
    """What sets the groups apart, as a drawing."""
    # Drawing libraries take a second to load: only when somebody wants to see one.
    from segment_service.clusterings.chart import svg  # noqa: PLC0415

    found = await service.clustering(connection, clustering_id)
    return Response(await asyncio.to_thread(svg, found), media_type="image/svg+xml")


@router.get("/clusterings/{clustering_id}/groups/{key}/members", dependencies=[needs("segments:read")])
async def list_members(
    clustering_id: UUID, key: str, connection: Reading, limit: Limit = 50, cursor: Cursor = None
) -> Page[GroupMember]:
    """The customers of one group, in the order of their ids."""
    return await service.members(connection, clustering_id, key, cursor, limit)
