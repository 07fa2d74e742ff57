"""Customers that a rule describes."""

from rapport.auth import needs
from rapport.database import Reading
from rapport.routing import service_router

from segment_service.audiences import service
from segment_service.audiences.schemas import AudienceIn, AudiencePage

router = service_router("audiences", problems=())


@router.post("/audiences", dependencies=[needs("segments:read")])
async def read_audience(asked: AudienceIn, reading: Reading) -> AudiencePage:
    """Customers whom the rule describes now; nothing is stored."""
    return await service.members(reading, asked)
