"""/v1/rates: what other currencies are worth."""

from datetime import date
from typing import Annotated

from fastapi import Path, Query, Request, Response
from msgspec import Meta
from rapport.auth import needs
from rapport.concurrency import etag
from rapport.database import Reading, Transaction
from rapport.errors import documented
from rapport.pagination import Cursor, Limit, Page, decode_cursor, encode_cursor
from rapport.routing import service_router

from segment_service.rates import repository, service
from segment_service.rates.schemas import CODE, BulkIn, BulkOut, RateOut, RatesIn, RatesOut

router = service_router("rates", prefix="/v1/rates", problems=(404, 409))
Currency = Annotated[str, Path(pattern=CODE, description="ISO 4217")]
_CodeText = Annotated[str, Meta(pattern=CODE)]


@router.get("", dependencies=[needs("segments:read")])
async def listed(
    request: Request,
    connection: Reading,
    currency: Annotated[str | None, Query(pattern=CODE)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[RateOut]:
    """All rates to the service's own currency, by currency and day."""
    after = decode_cursor(cursor, tuple[_CodeText, date]) if cursor else None
    rows = await repository.page(connection, request.app.state.rules.currency, currency, after, limit + 1)
    items = [RateOut(currency=row[0], from_=row[1], rate=row[2], set_at=row[3]) for row in rows[:limit]]
    following = encode_cursor(items[-1].currency, items[-1].from_) if len(rows) > limit else None
    return Page(items=items, next_cursor=following)


@router.post("", dependencies=[needs("segments:write")])
async def add(body: BulkIn, request: Request, connection: Transaction) -> BulkOut:
    """Add rates, or correct them; customers whose orders they concern are computed anew from now on, some at a time."""
    return await service.add(connection, request.app.state.rules.currency, body.rates)


@router.get("/{currency}", dependencies=[needs("segments:read")])
async def read(currency: Currency, request: Request, response: Response, connection: Reading) -> RatesOut:
    """All rates of a currency."""
    rates, version = await service.read(connection, request.app.state.rules.currency, currency)
    response.headers["ETag"] = etag(version)
    return rates


@router.put(
    "/{currency}",
    dependencies=[needs("segments:write")],
    responses={201: {"model": RatesOut, "description": "The first rates of this currency"}, **documented(412)},
)
async def put(
    currency: Currency, body: RatesIn, request: Request, response: Response, connection: Transaction
) -> RatesOut:
    """These rates of the currency and no others: a day that is left out has the rate before it."""
    rates, version, new = await service.put(connection, request.app.state.rules.currency, currency, body.rates, request)
    response.headers["ETag"] = etag(version)
    response.status_code = 201 if new else 200
    return rates


@router.delete("/{currency}", status_code=204, dependencies=[needs("segments:write")], responses=documented(412))
async def remove(currency: Currency, request: Request, connection: Transaction) -> Response:
    """Forget all rates of a currency: its orders count as orders, in no sum of money."""
    await service.remove(connection, request.app.state.rules.currency, currency, request)
    return Response(status_code=204)
