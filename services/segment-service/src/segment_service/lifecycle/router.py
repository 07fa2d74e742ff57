"""/v1/profiles/{id}/lifecycle."""

from datetime import UTC, datetime
from uuid import UUID

from fastapi import Request, Response
from rapport.auth import needs
from rapport.database import Reading
from rapport.routing import service_router

from segment_service.lifecycle import service
from segment_service.lifecycle.schemas import LifecycleOut

router = service_router("lifecycle", problems=(404,))


@router.get("/profiles/{profile_id}/lifecycle", dependencies=[needs("segments:read")])
async def read_lifecycle(request: Request, response: Response, profile_id: UUID, reading: Reading) -> LifecycleOut:
    """The customer's stage now, and the dates of every change of it."""
    found = await service.lifecycle(reading, profile_id, request.app.state.rules, datetime.now(UTC))
    if found.profile_id != profile_id:
        response.headers["Content-Location"] = f"/v1/profiles/{found.profile_id}/lifecycle"
    return found
