"""The sender: lease a batch, ask once more whether it may go, record each attempt before the provider is called."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from fastapi import FastAPI
from rapport.database import CONNECTION_LOST, Connection, Database
from rapport.feed import Event, append
from rapport.http import ServiceUnavailable

from campaign_service.clients.profiles import Profiles
from campaign_service.content import rules as content
from campaign_service.content.schemas import TemplateBody, body_of
from campaign_service.sending import repository
from campaign_service.sending.message import AddressInvalid, Envelope, Sender, compose, message_id, sender_of
from campaign_service.sending.provider import Outcome, Provider, SmtpProvider, SmtpServer, Unreachable
from campaign_service.sending.repository import Frozen, Leased
from campaign_service.sending.rules import settle
from campaign_service.settings import CampaignSettings
from campaign_service.unsubscribe.links import Links

_SWEEP_SECONDS = 1.0
_log = logging.getLogger(__name__)


class Lane:
    """Sends one message after another over one connection."""

    def __init__(
        self, database: Database, settings: CampaignSettings, profiles: Profiles, links: Links, provider: Provider
    ) -> None:
        self._database = database
        self._settings = settings
        self._profiles = profiles
        self._links = links
        self._provider = provider
        self._sender: Sender = sender_of(settings.mail_from)
        self._owner = uuid4()
        self._bodies: dict[tuple[UUID, str], TemplateBody] = {}

    async def run(self) -> None:
        """Work until cancelled; what is on its way then is finished first."""
        pause = self._settings.idle_seconds
        try:
            while True:
                try:
                    if not await self.step():
                        await asyncio.sleep(self._settings.idle_seconds)
                    pause = self._settings.idle_seconds
                except (Unreachable, ServiceUnavailable, *CONNECTION_LOST) as error:
                    _log.warning("sending waits %.1f s: %s", pause, error)
                    await self._release()
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, 10)
        finally:
            await self._provider.close()
            await self._release()

    async def step(self) -> int:
        """Send one batch; how many messages it held."""
        async with self._database.transaction() as connection:
            batch = await repository.lease(
                connection, self._owner, self._settings.send_batch, self._settings.lease_seconds
            )
            if not batch:
                return 0
            campaign = await repository.frozen(connection, batch[0].campaign_id)
        refused = await self._refused(campaign, batch)
        started = asyncio.get_running_loop().time()
        for send in batch:
            if reason := refused.get(send.send_id):
                await self._close(send, "skipped", reason)
                continue
            await self._provider.ready()
            await _undisturbed(self._send(campaign, send))
            if asyncio.get_running_loop().time() - started > self._settings.lease_seconds / 3:
                started = asyncio.get_running_loop().time()
                async with self._database.transaction() as connection:
                    await repository.hold(connection, self._owner, self._settings.lease_seconds)
        return len(batch)

    async def _refused(self, campaign: Frozen, batch: Sequence[Leased]) -> dict[UUID, str]:
        """Much may have changed since the audience was frozen: messages that may not go any more, and why."""
        ids = [send.profile_id for send in batch]
        permissions = await self._profiles.permissions(ids, batch[0].channel, campaign.purpose)
        async with self._database.transaction() as connection:
            refused = await repository.against(connection, [send.send_id for send in batch], campaign.purpose)
        for send in batch:
            permission = permissions.get(send.profile_id)
            if permission is None or not permission.allowed:
                refused.setdefault(send.send_id, permission.reason if permission else "no_consent")
        return refused

    async def _send(self, campaign: Frozen, send: Leased) -> None:
        try:
            language, envelope, subject = self._composed(campaign, send)
        except (content.ContentError, AddressInvalid) as error:
            await self._close(send, "failed", str(error)[:500])
            return
        except Exception as error:  # noqa: BLE001  one message that cannot be written must not hold up the others
            _log.exception("message %s cannot be written", send.send_id)
            await self._close(send, "failed", f"{type(error).__name__}: {error}"[:500])
            return
        async with self._database.transaction() as connection:
            number = await repository.begin(
                connection,
                send.send_id,
                self._owner,
                message_id(send.send_id, self._sender),
                subject,
                language,
                self._settings.send_timeout_seconds * 2,
            )
        if number is None:
            # Paused, stopped or unsubscribed a moment ago: the next lease finds out which.
            await self._return(send)
            return
        outcome = await self._provider.deliver(envelope)
        await self._insist(lambda connection: self._settle(connection, campaign, send, number, outcome, subject))

    def _composed(self, campaign: Frozen, send: Leased) -> tuple[str, Envelope, str]:
        body = self._body(campaign, send.arm)
        language, chosen = content.choose(body, send.person.language)
        url = self._links.unsubscribe_url(send.send_id)
        about = {"campaign_id": str(campaign.campaign_id), "name": campaign.name, "arm": send.arm}
        variables = content.variables(send.person.facts, about, _offer(campaign, send.arm), url)
        message = content.render(chosen, variables)
        name = send.person.facts.get("display_name")
        envelope = compose(
            message,
            self._sender,
            send.address,
            name if isinstance(name, str) else None,
            send.send_id,
            url,
        )
        return language, envelope, message.subject

    def _body(self, campaign: Frozen, arm: str) -> TemplateBody:
        key = (campaign.campaign_id, arm)
        if key not in self._bodies:
            if len(self._bodies) > 100:
                self._bodies.clear()
            self._bodies[key] = body_of(campaign.content[arm])
        return self._bodies[key]

    async def _settle(
        self,
        connection: Connection,
        campaign: Frozen,
        send: Leased,
        number: int,
        outcome: Outcome,
        subject: str,
    ) -> None:
        first_wait = timedelta(seconds=self._settings.retry_seconds)
        settlement = settle(outcome, number, self._settings.send_tries, first_wait)
        settled, sent_at = await repository.settle(
            connection, send.send_id, number, settlement, str(outcome.kind), outcome.detail[:500]
        )
        if settled and sent_at is not None:
            data = {
                "send_id": send.send_id,
                "campaign_id": campaign.campaign_id,
                "campaign_name": campaign.name,
                "step": send.step,
                "profile_id": send.profile_id,
                "identity_id": send.identity_id,
                "channel": send.channel,
                "arm": send.arm,
                "template": campaign.content[send.arm].get("subject"),
                "subject": subject,
                "sent_at": sent_at,
            }
            await append(connection, [Event(type="message.sent", time=sent_at, subject=str(send.send_id), data=data)])

    async def _insist(self, work: Callable[[Connection], Awaitable[None]]) -> None:
        """Write down what happened, however long the database is away: nobody else knows it."""
        pause = 0.1
        while True:
            try:
                async with self._database.transaction() as connection:
                    await work(connection)
            except CONNECTION_LOST as error:
                _log.warning("an outcome waits for the database: %s", error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2)
            else:
                return

    async def _close(self, send: Leased, state: str, reason: str) -> None:
        async with self._database.transaction() as connection:
            await repository.close(connection, send.send_id, self._owner, state, reason)

    async def _return(self, send: Leased) -> None:
        async with self._database.transaction() as connection:
            await repository.give_back(connection, send.send_id, self._owner)

    async def _release(self) -> None:
        try:
            async with self._database.transaction() as connection:
                await repository.release(connection, self._owner)
        except CONNECTION_LOST as error:
            _log.warning("leases run out by themselves: %s", error)


def _offer(campaign: Frozen, arm: str) -> dict[str, Any] | None:
    own = next((each.get("offer") for each in campaign.variants if each["name"] == arm), None)
    return own or campaign.offer


async def _undisturbed(work: Awaitable[None]) -> None:
    """Finish `work` even when cancelled meanwhile: a message half handed over would end as unknown."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


async def worker(app: FastAPI) -> None:
    """Sends what is due for as long as the service runs."""
    settings: CampaignSettings = app.state.settings
    server = SmtpServer.parse(settings.smtp_url)
    lanes = [
        Lane(
            app.state.database,
            settings,
            app.state.profiles,
            app.state.links,
            SmtpProvider(server, settings.send_timeout_seconds),
        )
        for _ in range(settings.send_lanes)
    ]
    async with asyncio.TaskGroup() as group:
        for lane in lanes:
            group.create_task(lane.run())


async def sweeper(app: FastAPI) -> None:
    """Settles what dead workers left, and finishes campaigns whose time is over."""
    database: Database = app.state.database
    while True:
        async with database.transaction() as connection:
            await repository.settle_abandoned(connection)
            await repository.finish_campaigns(connection)
        await asyncio.sleep(_SWEEP_SECONDS)
