"""Touchpoints: telling of them, and a customer's history."""

from typing import Annotated

from fastapi import Body, Query, Request, Response
from rapport.auth import Caller, needs
from rapport.database import Reading, Transaction
from rapport.pagination import Cursor, Limit, Page
from rapport.routing import service_router

from interaction_service.dependencies import MonthPartitions, OfCustomer, Settings
from interaction_service.fields import Line, Moment
from interaction_service.touchpoints import service
from interaction_service.touchpoints.schemas import NewTouchpoints, Stored, StoredList, TouchpointView

router = service_router("touchpoints")


@router.post("/touchpoints", status_code=201, dependencies=[needs("interactions:write")])
async def tell(
    touchpoints: Annotated[NewTouchpoints, Body()],
    request: Request,
    caller: Caller,
    settings: Settings,
    partitions: MonthPartitions,
    connection: Transaction,
) -> Stored | StoredList:
    """Tell of one contact, or of up to 500, all of them or none."""
    sent_a_list = (await request.body()).lstrip().startswith(b"[")
    stored = await service.tell(
        connection, partitions, touchpoints, caller.subject, settings.default_country, numbered=sent_a_list
    )
    return StoredList(items=stored) if sent_a_list else stored[0]


@router.get(
    "/profiles/{profile_id}/touchpoints",
    dependencies=[needs("interactions:read")],
    response_class=Response,
    responses={200: {"model": Page[TouchpointView], "description": "Newest first"}},
)
async def history(
    who: OfCustomer,
    caller: Caller,
    connection: Reading,
    type: Annotated[Line | None, Query()] = None,  # noqa: A002  named so in the contract
    channel: Annotated[Line | None, Query()] = None,
    since: Annotated[Moment | None, Query()] = None,
    until: Annotated[Moment | None, Query()] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """A customer's history over all identities and channels, newest first; personal data with `profiles:pii` alone."""
    wanted = (type, channel, since, until)
    page = await service.history(connection, who.identities, wanted, limit, cursor, personal=caller.may("profiles:pii"))
    location = {"Content-Location": f"/v1/profiles/{who.profile_id}/touchpoints"}
    return Response(page, media_type="application/json", headers=location)
