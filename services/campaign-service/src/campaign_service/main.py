"""Composition root of campaign-service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from rapport.application import create_application
from rapport.feed import feed_router
from rapport.privacy import privacy_router

from campaign_service import clients
from campaign_service.campaigns.router import router as campaigns
from campaign_service.consumers import interaction, profile
from campaign_service.content.router import router as content
from campaign_service.decisions.router import router as decisions
from campaign_service.preparation import service as preparation
from campaign_service.privacy import erasing_of
from campaign_service.recipients.router import router as recipients
from campaign_service.reports.router import router as reports
from campaign_service.sending import service as sending
from campaign_service.settings import CampaignSettings
from campaign_service.unsubscribe.links import open_links
from campaign_service.unsubscribe.router import router as unsubscribe


@asynccontextmanager
async def resources(app: FastAPI) -> AsyncIterator[None]:
    """The clients of the other services, and the links that this one signs."""
    async with clients.opened(app):
        app.state.links = await open_links(app.state.database, app.state.settings)
        yield


def create_app(settings: CampaignSettings | None = None) -> FastAPI:
    """The service, from the environment unless settings are given."""
    return create_application(
        "campaign",
        settings or CampaignSettings(),
        description="What to say to a customer: campaigns, sends, measurement, decisions.",
        routers=[
            campaigns,
            content,
            recipients,
            reports,
            decisions,
            unsubscribe,
            privacy_router("campaign", erasing_of),
            feed_router("campaign", "campaigns:read"),
        ],
        workers=[preparation.worker, sending.worker, sending.sweeper, profile.worker, interaction.worker],
        resources=resources,
    )
