"""What endpoints take from the application."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from rapport.database import Storage

from interaction_service.clients.others import CampaignClient, SegmentClient
from interaction_service.clients.profile import ProfileClient
from interaction_service.identities.service import Customer, asked_customer, mapped_customer
from interaction_service.settings import InteractionSettings
from interaction_service.touchpoints.partitions import Partitions


async def _settings(request: Request) -> InteractionSettings:
    found: InteractionSettings = request.app.state.settings
    return found


async def _partitions(request: Request) -> Partitions:
    found: Partitions = request.app.state.partitions
    return found


async def _profiles(request: Request) -> ProfileClient:
    found: ProfileClient = request.app.state.profiles
    return found


async def _segments(request: Request) -> SegmentClient:
    found: SegmentClient = request.app.state.segments
    return found


async def _campaigns(request: Request) -> CampaignClient:
    found: CampaignClient = request.app.state.campaigns
    return found


Settings = Annotated[InteractionSettings, Depends(_settings)]
MonthPartitions = Annotated[Partitions, Depends(_partitions)]
Profiles = Annotated[ProfileClient, Depends(_profiles)]
Segments = Annotated[SegmentClient, Depends(_segments)]
Campaigns = Annotated[CampaignClient, Depends(_campaigns)]


async def _customer(profile_id: UUID, storage: Storage, profiles: Profiles) -> Customer:
    # The connection goes back before anybody is waited for: a service that is slow must not hold it.
    async with storage.pool.acquire(timeout=10) as connection:
        known = await mapped_customer(connection, profile_id)
    return known or await asked_customer(profiles, profile_id)


# The customer of the path's `profile_id`; 404 for an id that no profile ever had.
OfCustomer = Annotated[Customer, Depends(_customer)]
