"""How loyal customers are, to the firm and to its product lines."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request
from rapport.auth import needs
from rapport.database import Reading
from rapport.routing import service_router

from segment_service.loyalty import service
from segment_service.loyalty.schemas import ProductLines, ProfileLoyalty

router = service_router("loyalty", problems=(404,))
Days = Annotated[int, Query(ge=1, le=3_650)]


@router.get("/profiles/{profile_id}/loyalty", dependencies=[needs("segments:read")])
async def read_loyalty(
    profile_id: UUID,
    request: Request,
    connection: Reading,
    period_days: Annotated[
        int | None,
        Query(ge=1, le=3_650, description="Trends compare periods of this length; as configured if not given"),
    ] = None,
    repeat_days: Annotated[Days, Query(description="How soon another order makes one repeated")] = 90,
) -> ProfileLoyalty:
    """The customer's loyalty to the firm and to each category of their order lines, computed at this moment."""
    return await service.of_profile(connection, profile_id, request.app.state.rules, period_days, repeat_days)


@router.get("/loyalty/lines", dependencies=[needs("segments:read")])
async def read_lines(request: Request, connection: Reading) -> ProductLines:
    """Every category of order lines over all customers: how many buy it, how many again, and its share of sales."""
    return await service.of_lines(connection, request.app.state.rules.currency)
