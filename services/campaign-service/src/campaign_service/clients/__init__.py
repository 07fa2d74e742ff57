"""Clients of the other services, opened with the application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from rapport.http import ServiceClient

from campaign_service.clients.profiles import Profiles
from campaign_service.clients.segments import Segments
from campaign_service.settings import CampaignSettings


@asynccontextmanager
async def opened(app: FastAPI) -> AsyncIterator[None]:
    """Put the clients on the application's state for as long as the block lasts.

    The feeds have connections and circuit breakers of their own: a long poll is not a call.
    """
    settings: CampaignSettings = app.state.settings
    token = settings.service_token.get_secret_value()
    clients = {
        "profile": ServiceClient("profile-service", settings.profile_url, token),
        "segment": ServiceClient("segment-service", settings.segment_url, token),
        "profile_feed": ServiceClient("profile-feed", settings.profile_url, token),
        "interaction_feed": ServiceClient("interaction-feed", settings.interaction_url, token),
    }
    app.state.profiles = Profiles(clients["profile"])
    app.state.segments = Segments(clients["segment"])
    app.state.profile_feed = clients["profile_feed"]
    app.state.interaction_feed = clients["interaction_feed"]
    try:
        yield
    finally:
        for client in clients.values():
            await client.aclose()


async def _profiles(request: Request) -> Profiles:
    profiles: Profiles = request.app.state.profiles
    return profiles


async def _segments(request: Request) -> Segments:
    segments: Segments = request.app.state.segments
    return segments


ProfileClient = Annotated[Profiles, Depends(_profiles)]
SegmentClient = Annotated[Segments, Depends(_segments)]
