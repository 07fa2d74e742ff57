"""Who brings other customers, and what those are worth."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request
from rapport.auth import needs
from rapport.database import Reading
from rapport.pagination import Cursor, Limit
from rapport.routing import service_router

from segment_service.influence import service
from segment_service.influence.schemas import InfluencePage, ProfileInfluence

router = service_router("influence", problems=(404,))


@router.get("/influence", dependencies=[needs("segments:read")])
async def list_influence(
    request: Request,
    connection: Reading,
    leaders: Annotated[
        bool, Query(description="Only opinion leaders: neither top nor large, bringing more than they buy")
    ] = True,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> InfluencePage:
    """Customers who bring others, those first whose referrals are worth most."""
    state = request.app.state
    return await service.listed(
        connection, state.settings.referrals, state.rules.currency, leaders=leaders, cursor=cursor, limit=limit
    )


@router.get("/profiles/{profile_id}/influence", dependencies=[needs("segments:read")])
async def read_influence(profile_id: UUID, request: Request, connection: Reading) -> ProfileInfluence:
    """What the customer buys and brings, who brought them, and whom they brought, down the chain."""
    state = request.app.state
    return await service.of_profile(connection, profile_id, state.settings.referrals, state.rules.currency)
