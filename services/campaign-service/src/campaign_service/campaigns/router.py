"""Campaigns and the jobs that they set going."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Body, Query, Request, Response, status
from rapport.auth import needs
from rapport.concurrency import etag
from rapport.database import Session
from rapport.errors import documented
from rapport.pagination import Cursor, Limit, Page, decode_cursor, encode_cursor
from rapport.routing import service_router

from campaign_service.campaigns import service
from campaign_service.campaigns.schemas import (
    CampaignIn,
    CampaignOut,
    CampaignPatch,
    CampaignWithSends,
    JobOut,
    Launched,
    State,
)
from campaign_service.clients import SegmentClient

router = service_router("campaigns")


@router.post("/campaigns", status_code=status.HTTP_201_CREATED, dependencies=[needs("campaigns:write")])
async def create(wish: CampaignIn, request: Request, response: Response, session: Session) -> CampaignOut:
    """A new draft."""
    campaign = await service.create(session, wish, request.app.state.settings.currency)
    response.headers["Location"] = f"/v1/campaigns/{campaign.campaign_id}"
    response.headers["ETag"] = etag(campaign.version)
    return campaign


@router.get("/campaigns", dependencies=[needs("campaigns:read")])
async def page(
    session: Session, limit: Limit = 50, cursor: Cursor = None, state: Annotated[State | None, Query()] = None
) -> Page[CampaignOut]:
    """Campaigns, newest first."""
    after = decode_cursor(cursor, tuple[datetime, UUID]) if cursor else None
    items = await service.page(session, after, limit + 1, state)
    last = items[limit - 1] if len(items) > limit else None
    return Page(items=items[:limit], next_cursor=encode_cursor(last.created_at, last.campaign_id) if last else None)


@router.get("/campaigns/{campaign_id}", dependencies=[needs("campaigns:read")])
async def get(campaign_id: UUID, response: Response, session: Session) -> CampaignWithSends:
    """One campaign, its state, and how far its messages are."""
    campaign = await service.get(session, campaign_id)
    response.headers["ETag"] = etag(campaign.version)
    return campaign


@router.patch("/campaigns/{campaign_id}", dependencies=[needs("campaigns:write")], responses=documented(412))
async def patch(
    campaign_id: UUID,
    changes: Annotated[CampaignPatch, Body(description="JSON Merge Patch (RFC 7396) of the campaign as posted")],
    request: Request,
    response: Response,
    session: Session,
) -> CampaignOut:
    """Change a draft."""
    campaign = await service.patch(session, request, campaign_id, changes, request.app.state.settings.currency)
    response.headers["ETag"] = etag(campaign.version)
    return campaign


@router.post(
    "/campaigns/{campaign_id}/launch",
    status_code=status.HTTP_202_ACCEPTED,
    dependencies=[needs("campaigns:launch")],
)
async def launch(campaign_id: UUID, response: Response, session: Session, segments: SegmentClient) -> Launched:
    """Freeze audience and content, assign the control group, send. The job tells how far the preparation is."""
    launched = await service.launch(session, segments, campaign_id)
    response.headers["Location"] = f"/v1/jobs/{launched.job_id}"
    return launched


@router.post("/campaigns/{campaign_id}/pause", dependencies=[needs("campaigns:launch")])
async def pause(campaign_id: UUID, session: Session) -> CampaignOut:
    """Send nothing more for now."""
    return await service.move(session, campaign_id, "pause")


@router.post("/campaigns/{campaign_id}/resume", dependencies=[needs("campaigns:launch")])
async def resume(campaign_id: UUID, session: Session) -> CampaignOut:
    """Go on where the pause began."""
    return await service.move(session, campaign_id, "resume")


@router.post("/campaigns/{campaign_id}/stop", dependencies=[needs("campaigns:launch")])
async def stop(campaign_id: UUID, session: Session) -> CampaignOut:
    """Send nothing more, for good; what was sent is still measured."""
    return await service.move(session, campaign_id, "stop")


@router.get("/jobs/{job_id}", dependencies=[needs("campaigns:read")])
async def job(job_id: UUID, session: Session) -> JobOut:
    """How far a job is."""
    return await service.job(session, job_id)
