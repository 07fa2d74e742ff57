"""The report as JSON and as a page."""

import asyncio
from uuid import UUID

from fastapi import Response
from fastapi.responses import HTMLResponse
from rapport.auth import needs
from rapport.database import Reading
from rapport.routing import service_router

from campaign_service.reports import page, service
from campaign_service.reports.schemas import Report

router = service_router("reports", problems=(404,))


@router.get("/campaigns/{campaign_id}/report", dependencies=[needs("campaigns:read")])
async def report(campaign_id: UUID, connection: Reading) -> Report:
    """What the campaign brought about: arms, comparisons with 95 % intervals, sales that would not have happened."""
    found, _ = await service.report(connection, campaign_id)
    return found


@router.get("/campaigns/{campaign_id}/report.html", dependencies=[needs("campaigns:read")], response_class=HTMLResponse)
async def report_page(campaign_id: UUID, connection: Reading) -> Response:
    """The same as a page for people, with the chart in it; nothing is loaded from elsewhere."""
    found, spread = await service.report(connection, campaign_id)
    return HTMLResponse(await asyncio.to_thread(page.render, found, spread))
