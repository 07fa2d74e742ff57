"""The preparation job: fetch a page, judge it, write it with the place to go on from in one transaction."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from fastapi import FastAPI
from rapport.database import Database
from rapport.http import ServiceUnavailable

from campaign_service.clients.profiles import Profiles
from campaign_service.clients.segments import AudienceRefused, Segments
from campaign_service.preparation import repository, rules
from campaign_service.settings import CampaignSettings

STEP = "1"
_log = logging.getLogger(__name__)


class Page(NamedTuple):
    """Ids of an audience, where it goes on (None at its end), and how many there are."""

    profile_ids: list[UUID]
    cursor: str | None
    total: int | None


class Preparation:
    """Takes up preparations that nobody works on, one at a time."""

    def __init__(self, database: Database, settings: CampaignSettings, profiles: Profiles, segments: Segments) -> None:
        self._database = database
        self._settings = settings
        self._profiles = profiles
        self._segments = segments
        self._owner = uuid4()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            if not await self.step():
                await asyncio.sleep(self._settings.idle_seconds)

    async def step(self) -> bool:
        """Prepare one campaign to its end; False when there is none waiting."""
        async with self._database.transaction() as connection:
            job = await repository.lease(connection, self._owner, self._settings.lease_seconds)
        if job is None:
            return False
        try:
            await self._prepare(job["job_id"], job["campaign_id"], job["cursor"])
        except AudienceRefused as error:
            async with self._database.transaction() as connection:
                await repository.fail(connection, job["job_id"], self._owner, error.detail)
        return True

    async def _prepare(self, job_id: UUID, campaign_id: UUID, cursor: str | None) -> None:
        async with self._database.transaction() as connection:
            campaign = await repository.campaign(connection, campaign_id)
        while True:
            page = await self._patiently(job_id, campaign, cursor)
            if page is None or page.cursor is None:
                return
            cursor = page.cursor

    async def _patiently(self, job_id: UUID, campaign: Mapping[str, Any], cursor: str | None) -> Page | None:
        """One page, waiting for services that are down; None when the job was taken from us."""
        pause = self._settings.idle_seconds
        while True:
            try:
                return await self._page(job_id, campaign, cursor)
            except ServiceUnavailable as error:
                _log.warning("preparation of campaign %s waits: %s", campaign["campaign_id"], error)
            async with self._database.transaction() as connection:
                await repository.hold(connection, job_id, self._owner, self._settings.lease_seconds)
            await asyncio.sleep(pause)
            pause = min(pause * 2, self._settings.lease_seconds / 3)

    async def _page(self, job_id: UUID, campaign: Mapping[str, Any], cursor: str | None) -> Page | None:
        page = await self._audience(campaign["audience"], cursor)
        people = await self._profiles.lookup(page.profile_ids)
        permissions = await self._profiles.permissions(page.profile_ids, campaign["channel"], campaign["purpose"])
        current = [person.current for person in people.values()]
        addresses = [each.identity_id for each in map(rules.email_of, people.values()) if each]
        shares = rules.planned_shares(campaign["control_share"], campaign["variants"])
        async with self._database.transaction() as connection:
            # First the place, then the page: whoever lost the job to another worker writes nothing.
            if not await repository.keep(
                connection,
                job_id,
                self._owner,
                page.cursor,
                len(page.profile_ids),
                page.total,
                self._settings.lease_seconds,
            ):
                return None
            await repository.remember_identities(connection, list(people.values()))
            against = await repository.known(
                connection, campaign["campaign_id"], campaign["channel"], campaign["purpose"], current, addresses
            )
            verdicts = rules.judge(page.profile_ids, people, permissions, against)
            arms = rules.arms_of(verdicts, campaign["salt"], shares)
            await repository.write(connection, campaign, verdicts, arms, STEP)
            if page.cursor is None:
                await repository.succeed(connection, job_id, self._owner)
        return page

    async def _audience(self, audience: Mapping[str, Any], cursor: str | None) -> Page:
        size = self._settings.page_size
        if (listed := audience.get("profile_ids")) is not None:
            start = int(cursor or 0)
            ids = [UUID(each) for each in listed[start : start + size]]
            return Page(ids, str(start + size) if start + size < len(listed) else None, len(listed))
        found = await self._segments.audience(audience["rule"], size, cursor)
        return Page([each.profile_id for each in found.items], found.next_cursor, found.total)


async def worker(app: FastAPI) -> None:
    """Prepares launched campaigns for as long as the service runs."""
    preparation = Preparation(app.state.database, app.state.settings, app.state.profiles, app.state.segments)
    await preparation.run()
