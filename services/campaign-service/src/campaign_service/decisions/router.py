"""Decisions, while the customer waits and afterwards."""

from uuid import UUID

import msgspec
from fastapi import Response
from rapport.auth import needs
from rapport.database import Reading, Transaction
from rapport.routing import service_router

from campaign_service.decisions import service
from campaign_service.decisions.schemas import DecisionIn, DecisionOut, DecisionRecord

router = service_router("decisions", problems=(404, 409))


@router.post(
    "/decisions",
    dependencies=[needs("campaigns:read", "campaigns:write")],
    response_model=None,
    responses={200: {"model": DecisionOut}},
)
async def decide(asked: DecisionIn, connection: Transaction) -> Response:
    """What to do next for this customer, and why."""
    # Bytes without a response model: this runs inside somebody else's 150 ms.
    return Response(msgspec.json.encode(await service.decide(connection, asked)), media_type="application/json")


@router.get("/decisions/{decision_id}", dependencies=[needs("campaigns:read")])
async def get(decision_id: UUID, connection: Reading) -> DecisionRecord:
    """A decision as it was made: what was known, considered and ruled out."""
    return await service.get(connection, decision_id)
