"""The feeds followed as long as the process runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from rapport.feed import FeedConsumer
from rapport.http import ServiceClient

from profile_service.audit.trail import AuditTrail
from profile_service.consumers import campaign, interaction
from profile_service.secrets import open_secrets
from profile_service.settings import ProfileSettings


@asynccontextmanager
async def clients(app: FastAPI) -> AsyncIterator[None]:
    """Keeps what this service signs with, and the clients of the services followed, on `app.state`."""
    settings: ProfileSettings = app.state.settings
    await open_secrets(app)
    token = settings.service_token.get_secret_value()
    app.state.interaction = ServiceClient("interaction", settings.interaction_url, token)
    app.state.campaign = ServiceClient("campaign", settings.campaign_url, token)
    urls = {
        "segment": settings.segment_url,
        "campaign": settings.campaign_url,
        "interaction": settings.interaction_url,
    }
    # A feed that fails must not keep requests of customers waiting, nor the other way round.
    app.state.privacy_clients = {name: ServiceClient(name, url, token) for name, url in urls.items()}
    trail = app.state.witness = AuditTrail(app.state.database)
    try:
        async with trail.kept():
            yield
    finally:
        for client in app.state.privacy_clients.values():
            await client.aclose()
        await app.state.interaction.aclose()
        await app.state.campaign.aclose()


async def follow_interaction(app: FastAPI) -> None:
    """Touchpoints: links, traits, consents."""
    await FeedConsumer(
        "interaction",
        app.state.interaction,
        app.state.database,
        lambda connection, events: interaction.apply(connection, app.state.policy, events),
    ).run()


async def follow_campaign(app: FastAPI) -> None:
    """Consents withdrawn."""
    await FeedConsumer(
        "campaign",
        app.state.campaign,
        app.state.database,
        lambda connection, events: campaign.apply(connection, app.state.policy, events),
    ).run()
