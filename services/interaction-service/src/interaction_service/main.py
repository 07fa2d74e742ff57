"""Composition root of interaction-service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from rapport.application import create_application
from rapport.feed import feed_router
from rapport.http import ServiceClient
from rapport.privacy import privacy_router

from interaction_service.cases.router import router as cases
from interaction_service.clients.others import CampaignClient, SegmentClient
from interaction_service.clients.profile import ProfileClient
from interaction_service.collector.gate import Gate
from interaction_service.collector.router import router as collector
from interaction_service.consumers.campaign import follow_campaigns
from interaction_service.consumers.profile import follow_profiles
from interaction_service.conversations.router import router as conversations
from interaction_service.engagements.router import router as engagements
from interaction_service.history.folding import keep_rollups
from interaction_service.privacy import erasing_of
from interaction_service.settings import InteractionSettings
from interaction_service.touchpoints.partitions import Partitions
from interaction_service.touchpoints.router import router as touchpoints
from interaction_service.touchpoints.upkeep import keep_up

DESCRIPTION = (
    "Every contact, on any channel, continuing all earlier ones: collector, touchpoints, conversations, cases."
)


def create_app(settings: InteractionSettings | None = None) -> FastAPI:
    """The application, by the environment unless `settings` are given."""
    return create_application(
        "interaction",
        settings or InteractionSettings(),
        description=DESCRIPTION,
        routers=[
            collector,
            touchpoints,
            engagements,
            conversations,
            cases,
            privacy_router("interaction", erasing_of),
            feed_router("interaction", "interactions:read"),
        ],
        workers=[keep_up, follow_profiles, follow_campaigns, keep_rollups],
        resources=_resources,
    )


@asynccontextmanager
async def _resources(app: FastAPI) -> AsyncIterator[None]:
    settings: InteractionSettings = app.state.settings
    token = settings.service_token.get_secret_value()
    app.state.gate = Gate(settings.collector_requests, settings.collector_bytes, settings.collector_writers)
    app.state.partitions = Partitions(settings.database_url)
    urls = {"profile": settings.profile_url, "segment": settings.segment_url, "campaign": settings.campaign_url}
    services = {name: ServiceClient(name, url, token) for name, url in urls.items()}
    # A feed that fails must not open the circuit of answers, nor answers that are late that of the feed.
    app.state.feeds = {name: ServiceClient(name, urls[name], token) for name in ("profile", "campaign")}
    app.state.profiles = ProfileClient(services["profile"], settings.resolve_budget_ms / 1000)
    app.state.segments = SegmentClient(services["segment"], settings.standing_budget_ms / 1000)
    app.state.campaigns = CampaignClient(services["campaign"], settings.decision_budget_ms / 1000)
    try:
        yield
    finally:
        for service in (*services.values(), *app.state.feeds.values()):
            await service.aclose()
