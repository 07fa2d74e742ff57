"""/v1/rfm: how customers are scored by recency, frequency and money."""

from fastapi import Request, Response
from rapport.auth import needs
from rapport.concurrency import etag
from rapport.database import Reading, Transaction
from rapport.errors import documented
from rapport.routing import service_router

from segment_service.rfm import service
from segment_service.rfm.schemas import RfmOut, RfmRule

router = service_router("rfm", problems=(409,))


@router.get("/rfm", dependencies=[needs("segments:read")])
async def read(request: Request, response: Response, connection: Reading) -> RfmOut:
    """The rule, the bounds in force, and the named groups with their customers."""
    found, version = await service.read(connection, request.app.state.rules.currency)
    response.headers["ETag"] = etag(version)
    return found


@router.put("/rfm", dependencies=[needs("segments:write")], responses=documented(412))
async def put(body: RfmRule, request: Request, response: Response, connection: Transaction) -> RfmOut:
    """Score by quintiles, or by fixed bounds; customers are scored anew from now on, some at a time."""
    await service.put(connection, body, request)
    found, version = await service.read(connection, request.app.state.rules.currency)
    response.headers["ETag"] = etag(version)
    return found
