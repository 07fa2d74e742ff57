"""The pyramid, as data and as a drawing."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Query, Request, Response
from rapport.auth import needs
from rapport.routing import service_router

from segment_service.pyramid import service
from segment_service.pyramid.schemas import CustomersQuery, Pyramid, PyramidCustomers, PyramidQuery

router = service_router("pyramid", problems=())


async def _asked(request: Request, query: Annotated[PyramidQuery, Query()]) -> Pyramid:
    state = request.app.state
    return await service.pyramid(state.store, state.engine, state.settings, query, datetime.now(UTC))


Asked = Annotated[Pyramid, Depends(_asked)]


@router.get("/pyramid", dependencies=[needs("segments:read")], response_model_exclude_unset=True)
async def read_pyramid(pyramid: Asked) -> Pyramid:
    """The eight value classes with customers, sales and shares, computed now."""
    return pyramid


@router.get(
    "/pyramid.svg",
    dependencies=[needs("segments:read")],
    response_class=Response,
    responses={200: {"content": {"image/svg+xml": {"schema": {"type": "string"}}}}},
)
async def draw_pyramid(pyramid: Asked) -> Response:
    """The same as a drawing."""
    # Drawing libraries take a second to load: only when somebody wants to see one.
    from segment_service.pyramid.chart import svg  # noqa: PLC0415

    return Response(await asyncio.to_thread(svg, pyramid), media_type="image/svg+xml")


@router.get("/pyramid/customers", dependencies=[needs("segments:read")])
async def list_customers(request: Request, query: Annotated[CustomersQuery, Query()]) -> PyramidCustomers:
    """Customers of the pyramid's classes, best first; with `below_zero` those who cost more than they bring."""
    state = request.app.state
    return await service.customers(state.store, state.engine, state.settings, query, datetime.now(UTC))
