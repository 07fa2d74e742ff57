"""A contact, and what is known of a customer without one."""

from fastapi import Response
from rapport.auth import Caller, needs
from rapport.database import Reading, Transaction
from rapport.routing import service_router

from interaction_service.dependencies import MonthPartitions, Settings
from interaction_service.engagements import service
from interaction_service.engagements.schemas import EngagementAnswer
from interaction_service.engagements.surroundings import AroundOf, ArrivalOf

router = service_router("engagements")


@router.post(
    "/engagements",
    dependencies=[needs("interactions:write")],
    response_class=Response,
    responses={200: {"model": EngagementAnswer}},
)
async def engage(
    arrival: ArrivalOf, caller: Caller, settings: Settings, partitions: MonthPartitions, connection: Transaction
) -> Response:
    """Record a contact; who this is, what was said, what is open, what they are worth and what to do next."""
    answer = await service.engage(connection, partitions, settings, arrival, personal=caller.may("profiles:pii"))
    return Response(answer, media_type="application/json")


@router.get(
    "/profiles/{profile_id}/context",
    dependencies=[needs("interactions:read")],
    response_class=Response,
    responses={200: {"model": EngagementAnswer}},
)
async def context(around: AroundOf, caller: Caller, settings: Settings, connection: Reading) -> Response:
    """The same answer without a contact: nothing is opened or recorded, and `engagement_id` is null."""
    answer = await service.context(connection, settings, around, personal=caller.may("profiles:pii"))
    location = {"Content-Location": f"/v1/profiles/{around.who.profile_id}/context"}
    return Response(answer, media_type="application/json", headers=location)
