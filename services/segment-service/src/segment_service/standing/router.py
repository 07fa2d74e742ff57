"""One customer's standing."""

from datetime import UTC, datetime
from uuid import UUID

from fastapi import Request, Response
from rapport.auth import needs
from rapport.database import Storage, database_of
from rapport.routing import hot, service_router

from segment_service.standing import service
from segment_service.standing.schemas import ProfileLifecycle, Standing

router = service_router("standing", problems=(404,))


@router.get(
    "/profiles/{profile_id}/standing",
    dependencies=[needs("segments:read")],
    response_class=Response,
    responses={200: {"model": Standing}},
)
@hot
async def read_standing(request: Request, profile_id: UUID) -> Response:
    """All that is known of the customer's value and stage now; a merged id answers with the survivor."""
    # Asked at every contact: prepared SQL on the pool and bytes out, no session and no response model.
    current, body = await service.standing(
        database_of(request).pool, profile_id, request.app.state.rules, datetime.now(UTC)
    )
    headers = {"Content-Location": f"/v1/profiles/{current}/standing"} if current != profile_id else None
    return Response(body, 200, headers, "application/json")


@router.get("/profiles/{profile_id}/lifecycle", dependencies=[needs("segments:read")])
async def read_lifecycle(profile_id: UUID, storage: Storage) -> ProfileLifecycle:
    """The customer's stage now, and since when."""
    return ProfileLifecycle.model_validate(await service.lifecycle(storage.pool, profile_id, datetime.now(UTC)))
