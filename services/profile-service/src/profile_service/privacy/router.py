"""/v1/privacy-requests: the rights of the customer, with a receipt from every service."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import asyncpg
from fastapi import Request as HttpRequest
from fastapi import Response
from fastapi.responses import HTMLResponse
from rapport.auth import Caller, needs
from rapport.database import Reading, Transaction
from rapport.pagination import Cursor, Limit, Page, decode_cursor, encode_cursor
from rapport.routing import service_router

from profile_service.audit.trail import note, trail_of
from profile_service.identifiers import read_identifiers
from profile_service.policy import Policed
from profile_service.privacy import documents, service
from profile_service.privacy.repository import Request
from profile_service.privacy.schemas import Exports, Receipt, RequestAnswer, RequestBody
from profile_service.privacy.service import EXPORTING

_PRIVATE: Final = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
_CLOSED: Final = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
router = service_router("privacy", prefix="/v1/privacy-requests", problems=(404, 409))


@router.post("", status_code=202, dependencies=[needs("privacy")])
async def ask(
    body: RequestBody,
    http: HttpRequest,
    connection: Transaction,
    policy: Policed,
    caller: Caller,
    response: Response,
) -> RequestAnswer:
    """Access, portability, erasure or restriction for the customer known by these identifiers."""
    identifiers = read_identifiers(body.identifiers, policy.country)
    made = await service.ask(connection, body, identifiers, caller.subject)
    note(http, made.profiles)
    where = f"/v1/jobs/{made.job_id}" if made.job_id else f"/v1/privacy-requests/{made.request_id}"
    response.headers["Location"] = where
    return _answer(made, (await service.receipts(connection, [made])).get(made.request_id, ()))


@router.get("", dependencies=[needs("privacy")])
async def listed(connection: Reading, limit: Limit = 50, cursor: Cursor = None) -> Page[RequestAnswer]:
    """All requests, newest first."""
    before = decode_cursor(cursor, tuple[UUID])[0] if cursor else None
    found = await service.listed(connection, before, limit + 1)
    receipts = await service.receipts(connection, found[:limit])
    items = [_answer(each, receipts.get(each.request_id, ())) for each in found[:limit]]
    return Page(items=items, next_cursor=encode_cursor(items[-1].id) if len(found) > limit else None)


@router.get("/{request_id}", dependencies=[needs("privacy")])
async def read(request_id: UUID, connection: Reading) -> RequestAnswer:
    """How far a request is, with the receipts of the services."""
    request = await service.read(connection, request_id)
    return _answer(request, (await service.receipts(connection, [request])).get(request_id, ()))


@router.get(
    "/{request_id}/export",
    dependencies=[needs("privacy")],
    responses={200: {"content": {"application/json": {"schema": {"type": "object"}}}}},
    response_class=Response,
)
async def export(request_id: UUID, http: HttpRequest, connection: Reading) -> Response:
    """Everything that all four services hold of the customer, as one JSON document."""
    request, found = await service.export(connection, request_id)
    trail_of(http.app).note(http, request.profiles)
    return Response(documents.whole(request, found), media_type="application/json", headers=_PRIVATE)


@router.get("/{request_id}/export.html", dependencies=[needs("privacy")], response_class=HTMLResponse)
async def export_page(request_id: UUID, http: HttpRequest, connection: Reading) -> Response:
    """The same as a page to read."""
    request, found = await service.export(connection, request_id)
    trail_of(http.app).note(http, request.profiles)
    return HTMLResponse(documents.page(request, found), headers=_PRIVATE | _CLOSED)


@router.get(
    "/{request_id}/export.ndjson",
    dependencies=[needs("privacy")],
    responses={200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}},
    response_class=Response,
)
async def export_lines(request_id: UUID, http: HttpRequest, connection: Reading) -> Response:
    """The same as one JSON object a line, to take along to somebody else."""
    request, found = await service.export(connection, request_id)
    trail_of(http.app).note(http, request.profiles)
    return Response(documents.lines(found), media_type="application/x-ndjson", headers=_PRIVATE)


@router.post("/{request_id}/lift", dependencies=[needs("privacy")])
async def lift(request_id: UUID, connection: Transaction) -> RequestAnswer:
    """End a restriction: the customer's data may be used again."""
    request = await service.lift(connection, request_id)
    return _answer(request, (await service.receipts(connection, [request])).get(request_id, ()))


def _answer(request: Request, receipts: Sequence[asyncpg.Record]) -> RequestAnswer:
    place = f"/v1/privacy-requests/{request.request_id}/export"
    ready = request.type in EXPORTING and request.state == "succeeded"
    return RequestAnswer(
        id=request.request_id,
        type=request.type,
        state=request.state,
        identifier_kinds=request.kinds,
        profile_ids=request.profiles,
        created_at=request.created_at,
        completed_at=request.completed_at,
        lifted_at=request.lifted_at,
        job_id=request.job_id,
        missing=[row["service"] for row in receipts if row["state"] != "done"],
        receipts=[_receipt(row) for row in receipts],
        exports=Exports.model_validate({"json": place, "html": f"{place}.html", "ndjson": f"{place}.ndjson"})
        if ready
        else None,
    )


def _receipt(row: asyncpg.Record) -> Receipt:
    return Receipt(
        service=row["service"],
        state=row["state"],
        at=row["at"],
        counts=service.total(row["counts"]),
        detail=row["detail"],
    )
