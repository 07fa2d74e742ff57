"""/v1/models/clv: fitting lifetime value, and how well it fits."""

import asyncio
from typing import Any
from uuid import UUID

from fastapi import Response
from rapport.auth import needs
from rapport.database import Reading, Transaction
from rapport.pagination import Cursor, Limit, Page, decode_cursor, encode_cursor
from rapport.routing import service_router

from segment_service.clv import service
from segment_service.clv.schemas import FitBody, FitOut, ModelOut
from segment_service.jobs.schemas import JobAnswer

router = service_router("lifetime value")
SVG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/svg+xml": {"schema": {"type": "string"}}}}}


@router.post("/models/clv/fits", status_code=202, dependencies=[needs("segments:write")])
async def fit(body: FitBody, response: Response, transaction: Transaction) -> JobAnswer:
    """Fit BG/NBD and Gamma-Gamma to the orders, then score every customer by them."""
    job = await service.request(transaction, body)
    response.headers["Location"] = f"/v1/jobs/{job.job_id}"
    return job


@router.get("/models/clv/fits", dependencies=[needs("segments:read")])
async def list_fits(reading: Reading, limit: Limit = 50, cursor: Cursor = None) -> Page[FitOut]:
    """Models as they were fitted, newest first."""
    before = decode_cursor(cursor, tuple[UUID])[0] if cursor else None
    found = await service.fits(reading, before, limit + 1)
    more = encode_cursor(found[limit - 1].fit_id) if len(found) > limit else None
    return Page(items=found[:limit], next_cursor=more)


@router.get("/models/clv", dependencies=[needs("segments:read")])
async def read_model(reading: Reading) -> ModelOut:
    """The model in use: parameters, likelihood, what it expected against what came, and the day of the scores."""
    return await service.model(reading)


@router.get("/models/clv/holdout.svg", dependencies=[needs("segments:read")], response_class=Response, responses=SVG)
async def draw_holdout(reading: Reading) -> Response:
    """Expected against actual orders after the calibration, by how often customers had bought before."""
    fitted, holdout = await service.holdout(reading)
    # Drawing libraries take a second to load: only when somebody wants to see one.
    from segment_service.clv.chart import svg  # noqa: PLC0415

    return Response(await asyncio.to_thread(svg, fitted, holdout), media_type="image/svg+xml")
