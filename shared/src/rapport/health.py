"""Liveness and readiness."""

from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from rapport.database import CONNECTION_LOST, Database

router = APIRouter(tags=["operations"])


class Health(BaseModel):
    """`status` is `ok` or `unavailable`; `not_ready` names what is missing."""

    status: str
    not_ready: list[str] = []


@router.get("/health/live")
async def live() -> Health:
    """The process answers."""
    return Health(status="ok")


@router.get(
    "/health/ready",
    response_model=Health,
    responses={503: {"model": Health, "description": "Something that the service needs is missing"}},
)
async def ready(request: Request) -> Response:
    """The service can do its work; otherwise 503 that names what is not ready."""
    missing: list[str] = []
    database: Database = request.app.state.database
    try:
        if not await database.pool.fetchval("SELECT to_regclass('alembic_version') IS NOT NULL", timeout=2):
            missing.append("migrations")
    except CONNECTION_LOST:
        missing.append("database")
    body: dict[str, Any] = {"status": "unavailable" if missing else "ok", "not_ready": missing}
    return Response(msgspec.json.encode(body), 503 if missing else 200, media_type="application/json")
