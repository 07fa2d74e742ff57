"""The pyramid, as data and as a drawing."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Query, Request, Response
from pydantic import AfterValidator, AwareDatetime
from rapport.auth import needs
from rapport.routing import service_router

from segment_service.pyramid import service
from segment_service.pyramid.rules import Basis
from segment_service.pyramid.schemas import Pyramid

router = service_router("pyramid", problems=())


def _sensible(at: datetime) -> datetime:
    if not 1900 <= at.year <= 2200:
        raise ValueError("the year must lie between 1900 and 2200")
    return at


Moment = Annotated[AwareDatetime, AfterValidator(_sensible)]


async def _asked(
    request: Request,
    as_of: Annotated[
        Moment | None, Query(description="Orders after it are left out, the period ends with it; now if not given")
    ] = None,
    basis: Annotated[Basis, Query(description="What active customers are ranked by")] = "revenue",
) -> Pyramid:
    state = request.app.state
    return await service.pyramid(state.store, state.engine, state.settings, as_of, datetime.now(UTC), basis)


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
