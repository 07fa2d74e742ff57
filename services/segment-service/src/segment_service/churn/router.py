"""/v1/churn-episodes and /v1/churn-report: whom the firm lost, why, and what brought them back."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response
from msgspec import Meta
from rapport.auth import Caller, needs
from rapport.concurrency import etag
from rapport.database import Reading, Transaction
from rapport.pagination import Cursor, Limit, Page, decode_cursor, encode_cursor
from rapport.routing import service_router

from segment_service.churn import service
from segment_service.churn.rules import State
from segment_service.churn.schemas import ChurnReport, EpisodeOut, EpisodePatch, Moment

router = service_router("churn", problems=(404, 409, 412))
_Aware = Annotated[datetime, Meta(tz=True)]
_TAGGED: dict[int | str, dict[str, Any]] = {200: {"headers": {"ETag": {"schema": {"type": "string"}}}}}


@router.get("/churn-episodes", dependencies=[needs("segments:read")])
async def list_episodes(
    request: Request,
    reading: Reading,
    state: Annotated[State | None, Query(description="All but those undone if not given")] = None,
    reason: Annotated[str | None, Query(pattern="^[a-z][a-z0-9_]{1,31}$")] = None,
    since: Annotated[Moment | None, Query(description="Opened at this time or later")] = None,
    profile_id: UUID | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[EpisodeOut]:
    """Episodes, those that opened last first."""
    after = decode_cursor(cursor, tuple[_Aware, UUID]) if cursor else None
    currency = request.app.state.rules.currency
    found = await service.listed(reading, currency, state, reason, since, profile_id, after, limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    return Page(items=found[:limit], next_cursor=encode_cursor(last.opened_at, last.episode_id) if last else None)


@router.get("/churn-episodes/{episode_id}", dependencies=[needs("segments:read")], responses=_TAGGED)
async def read_episode(request: Request, response: Response, episode_id: UUID, reading: Reading) -> EpisodeOut:
    """One episode."""
    found, version = await service.one(reading, episode_id, request.app.state.rules.currency)
    response.headers["ETag"] = etag(version)
    return found


@router.patch("/churn-episodes/{episode_id}", dependencies=[needs("segments:write")], responses=_TAGGED)
async def change_episode(
    request: Request,
    response: Response,
    episode_id: UUID,
    patch: EpisodePatch,
    caller: Caller,
    transaction: Transaction,
) -> EpisodeOut:
    """Give the reason, record what was done to win the customer back, give them up or take them up again."""
    rules = request.app.state.rules
    found, version = await service.change(transaction, request, episode_id, patch, caller.subject, rules)
    response.headers["ETag"] = etag(version)
    return found


@router.get("/churn-report", dependencies=[needs("segments:read")])
async def read_report(
    request: Request,
    reading: Reading,
    since: Annotated[Moment | None, Query(description="Episodes that opened at this time or later")] = None,
    until: Annotated[Moment | None, Query(description="Episodes that opened before this time")] = None,
) -> ChurnReport:
    """How many were lost and won back, by reason and by what was done."""
    return await service.report(reading, request.app.state.rules.currency, since, until)
