"""/v1/service-costs: what a contact or a task costs."""

from typing import Annotated

from fastapi import Path, Request, Response
from rapport.auth import needs
from rapport.concurrency import etag
from rapport.database import Reading, Transaction
from rapport.errors import documented
from rapport.pagination import Page
from rapport.routing import service_router

from segment_service.service_costs import service
from segment_service.service_costs.schemas import CHANNEL, ChannelCosts, CostsIn

router = service_router("service costs", prefix="/v1/service-costs", problems=(404, 409))
Channel = Annotated[str, Path(pattern=CHANNEL, description="A channel of touchpoints, or `task:<kind>` for tasks done")]


@router.get("", dependencies=[needs("segments:read")])
async def listed(request: Request, connection: Reading) -> Page[ChannelCosts]:
    """The costs of all channels, on one page."""
    return Page(items=await service.listed(connection, request.app.state.rules.currency))


@router.get("/{channel}", dependencies=[needs("segments:read")])
async def read(channel: Channel, request: Request, response: Response, connection: Reading) -> ChannelCosts:
    """The costs of a channel."""
    costs, version = await service.read(connection, request.app.state.rules.currency, channel)
    response.headers["ETag"] = etag(version)
    return costs


@router.put(
    "/{channel}",
    dependencies=[needs("segments:write")],
    responses={201: {"model": ChannelCosts, "description": "The first costs of this channel"}, **documented(412)},
)
async def put(
    channel: Channel, body: CostsIn, request: Request, response: Response, connection: Transaction
) -> ChannelCosts:
    """These costs of the channel and no others, in the service's own currency.

    A contact is any touchpoint but the entry of a list; contacts of which no cost is known cost nothing. As soon as
    one cost is known, every customer has a cost to serve and profit is after it.
    """
    costs, version, new = await service.put(connection, request.app.state.rules.currency, channel, body.costs, request)
    response.headers["ETag"] = etag(version)
    response.status_code = 201 if new else 200
    return costs


@router.delete("/{channel}", status_code=204, dependencies=[needs("segments:write")], responses=documented(412))
async def remove(channel: Channel, request: Request, connection: Transaction) -> Response:
    """Forget the costs of a channel."""
    await service.remove(connection, channel, request)
    return Response(status_code=204)
