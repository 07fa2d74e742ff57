"""What customers buy here of all that they buy."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Query, Request, Response
from pydantic import StringConstraints
from rapport.auth import needs
from rapport.database import Reading, Transaction
from rapport.pagination import Cursor, Limit
from rapport.routing import service_router
from rapport.text import CleanText

from segment_service.share_of_customer import service
from segment_service.share_of_customer.rules import Quadrant
from segment_service.share_of_customer.schemas import (
    Benchmarks,
    CompetitorIn,
    CompetitorOut,
    EstimateIn,
    EstimateOut,
    Estimates,
    ShareOfCustomer,
    SharePage,
)

router = service_router("share of customer", problems=(404, 409))
Name = Annotated[
    CleanText,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    Path(description="As it is called"),
]


@router.put(
    "/profiles/{profile_id}/spend-estimates",
    dependencies=[needs("segments:write")],
    responses={201: {"model": EstimateOut, "description": "A word that was not there"}},
)
async def say(
    profile_id: UUID, body: EstimateIn, request: Request, response: Response, connection: Transaction
) -> EstimateOut:
    """Keep what the customer spends a year, as stated by them, estimated by staff, or usual; earlier words stay."""
    kept, new = await service.say(connection, profile_id, body, request.app.state.rules.currency)
    response.status_code = 201 if new else 200
    return kept


@router.get("/profiles/{profile_id}/spend-estimates", dependencies=[needs("segments:read")])
async def list_estimates(profile_id: UUID, connection: Reading) -> Estimates:
    """All that was said of the customer's spending, newest first."""
    return await service.said(connection, profile_id)


@router.put(
    "/profiles/{profile_id}/competitors/{name}",
    dependencies=[needs("segments:write")],
    responses={201: {"model": CompetitorOut, "description": "A competitor who was not known"}},
)
async def put_competitor(
    profile_id: UUID, name: Name, body: CompetitorIn, request: Request, response: Response, connection: Transaction
) -> CompetitorOut:
    """This competitor serves the customer."""
    kept, new = await service.compete(connection, profile_id, name, body, request.app.state.rules.currency)
    response.status_code = 201 if new else 200
    return kept


@router.delete("/profiles/{profile_id}/competitors/{name}", status_code=204, dependencies=[needs("segments:write")])
async def remove_competitor(profile_id: UUID, name: Name, connection: Transaction) -> Response:
    """This competitor does not, or no longer."""
    await service.withdraw(connection, profile_id, name)
    return Response(status_code=204)


@router.get("/profiles/{profile_id}/share-of-customer", dependencies=[needs("segments:read")])
async def read_share(profile_id: UUID, request: Request, connection: Reading) -> ShareOfCustomer:
    """The customer's own sales in the period, their total, who else serves them, and why a small one is small."""
    state = request.app.state
    return await service.of_profile(connection, profile_id, state.settings, state.rules)


@router.get("/share-of-customer", dependencies=[needs("segments:read")])
async def list_shares(
    request: Request,
    connection: Reading,
    quadrant: Annotated[
        list[Quadrant] | None, Query(max_length=4, description="Only these; everybody if not given")
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> SharePage:
    """Customers of whom somebody said what they spend, biggest open potential first."""
    state = request.app.state
    return await service.listed(connection, state.settings, state.rules, quadrant or (), cursor, limit)


@router.get("/spend-benchmarks", dependencies=[needs("segments:read")])
async def read_benchmarks(request: Request, connection: Reading) -> Benchmarks:
    """What customers usually spend."""
    return await service.benchmarks(connection, request.app.state.rules.currency)


@router.put("/spend-benchmarks", dependencies=[needs("segments:write")])
async def put_benchmarks(body: Benchmarks, request: Request, connection: Transaction) -> Benchmarks:
    """These benchmarks and no others."""
    await service.put_benchmarks(connection, request.app.state.rules.currency, body)
    return body
