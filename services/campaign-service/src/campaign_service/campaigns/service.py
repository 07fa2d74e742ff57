"""What may be done with a campaign, and when."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from fastapi import Request
from pydantic import ValidationError
from rapport.concurrency import check_if_match
from rapport.errors import Invalid, pointer
from rapport.http import ServiceUnavailable
from sqlalchemy.ext.asyncio import AsyncSession

from campaign_service.campaigns import repository, rules
from campaign_service.campaigns.errors import (
    CampaignNotFound,
    JobNotFound,
    NotDraft,
    NotLaunchable,
    TransitionRefused,
)
from campaign_service.campaigns.schemas import CampaignIn, CampaignOut, CampaignWithSends, JobOut, Launched
from campaign_service.clients.segments import AudienceRefused, Segments
from campaign_service.content import service as templates
from campaign_service.content.schemas import TemplateBody
from campaign_service.models import Campaign, Job
from campaign_service.values import Money

Place = tuple[datetime, UUID]


async def create(session: AsyncSession, wish: CampaignIn, currency: str) -> CampaignOut:
    """Keep a new draft; raises `TemplateInvalid`."""
    _check_templates(wish)
    now = datetime.now(UTC)
    campaign = Campaign(salt=secrets.randbits(63), state="draft", version=1, created_at=now, updated_at=now)
    _write(campaign, wish, currency)
    session.add(campaign)
    await session.flush()
    return described(campaign)


async def get(session: AsyncSession, campaign_id: UUID) -> CampaignWithSends:
    """A campaign and how far its messages are; raises `CampaignNotFound`."""
    campaign = await _found(session, campaign_id)
    sends = await repository.sends_by_state(session, campaign_id)
    return CampaignWithSends(**dict(described(campaign)), sends=sends)


async def page(session: AsyncSession, after: Place | None, limit: int, state: str | None) -> list[CampaignOut]:
    """Campaigns, newest first."""
    return [described(campaign) for campaign in await repository.page(session, after, limit, state)]


async def patch(
    session: AsyncSession, request: Request, campaign_id: UUID, changes: dict[str, Any], currency: str
) -> CampaignOut:
    """A draft with some members changed; raises `NotDraft`, `Stale`, `Invalid`."""
    campaign = await _found(session, campaign_id, for_update=True)
    check_if_match(request, campaign.version)
    if campaign.state != "draft":
        raise NotDraft(f"The campaign is {campaign.state}; only a draft can be changed.")
    try:
        wish = CampaignIn.model_validate(rules.merge_patch(document(campaign), changes))
    except ValidationError as error:
        errors = [{"pointer": pointer(("body", *each["loc"])), "detail": each["msg"]} for each in error.errors()]
        raise Invalid("; ".join(f"{each['pointer']}: {each['detail']}" for each in errors), errors=errors) from error
    _check_templates(wish)
    _write(campaign, wish, currency)
    campaign.version, campaign.updated_at = campaign.version + 1, datetime.now(UTC)
    await session.flush()
    return described(campaign)


async def launch(session: AsyncSession, segments: Segments, campaign_id: UUID) -> Launched:
    """Freeze the content and set the preparation of the audience going.

    Raises `TransitionRefused`, `NotLaunchable`.
    """
    campaign = await _found(session, campaign_id, for_update=True)
    _move(campaign, "launch")
    content = await _frozen_content(session, campaign)
    await _check_audience(segments, campaign)
    job = Job(kind="prepare", campaign_id=campaign_id, state="queued")
    session.add(job)
    await session.flush()
    campaign.content, campaign.job_id = content, job.job_id
    campaign.launched_at = campaign.updated_at
    return Launched(campaign_id=campaign_id, state="running", job_id=job.job_id)


async def move(session: AsyncSession, campaign_id: UUID, action: str) -> CampaignOut:
    """Pause, resume or stop; what was not sent by a stop never will be. Raises `TransitionRefused`."""
    campaign = await _found(session, campaign_id, for_update=True)
    _move(campaign, action)
    if action == "stop":
        campaign.ended_at = campaign.updated_at
        await repository.cancel_jobs(session, campaign_id)
        await repository.cancel_sends(session, campaign_id, "campaign_stopped")
    await session.flush()
    return described(campaign)


async def job(session: AsyncSession, job_id: UUID) -> JobOut:
    """How far a job is; raises `JobNotFound`."""
    found = await repository.find_job(session, job_id)
    if found is None:
        raise JobNotFound
    return JobOut.model_validate({name: getattr(found, name) for name in JobOut.model_fields})


def document(campaign: Campaign) -> dict[str, Any]:
    """A campaign as the document that its makers wrote."""
    return {name: value for name, value in described(campaign).model_dump(mode="json").items() if name in _WRITABLE}


def described(campaign: Campaign) -> CampaignOut:
    """A campaign as it is answered."""
    values = {name: getattr(campaign, name) for name in CampaignOut.model_fields if name != "cost_per_contact"}
    template = campaign.template or {}
    cost = campaign.cost_per_contact
    money = None if cost is None else Money(amount=_plain(cost), currency=campaign.currency)
    values |= {"template": template.get("key") or template.get("inline"), "cost_per_contact": money}
    values["salt"] = f"{campaign.salt:016x}"
    return CampaignOut.model_validate(values)


def _plain(amount: Decimal) -> Decimal:
    """Without the zeros that the column adds, with two places at least."""
    exponent = amount.normalize().as_tuple().exponent
    return amount.quantize(Decimal(1).scaleb(min(-2, int(exponent))))


_WRITABLE = set(CampaignIn.model_fields)


def _write(campaign: Campaign, wish: CampaignIn, currency: str) -> None:
    values = wish.model_dump(mode="json", exclude={"template", "cost_per_contact", "currency"})
    for name, value in values.items():
        setattr(campaign, name, value)
    campaign.currency = wish.currency or currency
    campaign.cost_per_contact = wish.cost
    campaign.template = None
    if isinstance(wish.template, str):
        campaign.template = {"key": wish.template}
    elif wish.template is not None:
        campaign.template = {"inline": wish.template.model_dump(mode="json")}


def _check_templates(wish: CampaignIn) -> None:
    if isinstance(wish.template, TemplateBody):
        templates.checked(wish.template, "/template")
    for number, variant in enumerate(wish.variants):
        if isinstance(variant.template, TemplateBody):
            templates.checked(variant.template, f"/variants/{number}/template")


def _move(campaign: Campaign, action: str) -> None:
    sources, target = rules.TRANSITIONS[action]
    if campaign.state not in sources:
        may = rules.allowed(campaign.state)
        what = f"it allows {', '.join(may)}" if may else "nothing more can be done with it"
        raise TransitionRefused(
            f"The campaign is {campaign.state} and cannot {action}: {what}.", state=campaign.state, allowed=may
        )
    campaign.state, campaign.version, campaign.updated_at = target, campaign.version + 1, datetime.now(UTC)


async def _frozen_content(session: AsyncSession, campaign: Campaign) -> dict[str, Any]:
    """Arm -> template body, as they are at this moment."""
    arms: Sequence[dict[str, Any]] = campaign.variants or [{"name": "treatment"}]
    content: dict[str, Any] = {}
    for number, arm in enumerate(arms):
        own = arm.get("template")
        chosen = {"key": own} if isinstance(own, str) else {"inline": own} if own else campaign.template
        where = f"/variants/{number}/template" if campaign.variants else "/template"
        if chosen is None:
            raise NotLaunchable("A message is needed.", errors=[{"pointer": where, "detail": "Give a template."}])
        if "inline" in chosen:
            content[arm["name"]] = chosen["inline"]
        else:
            kept = await templates.get(session, chosen["key"])
            content[arm["name"]] = kept.model_dump(mode="json", exclude={"key", "version", "channel"})
    return content


async def _check_audience(segments: Segments, campaign: Campaign) -> None:
    if campaign.audience is None:
        raise NotLaunchable("An audience is needed.", errors=[{"pointer": "/audience", "detail": "Say who is meant."}])
    if (rule := campaign.audience.get("rule")) is None:
        return
    try:
        await segments.audience(rule, 1, None, seconds=5)
    except AudienceRefused as error:
        errors = [{**each, "pointer": "/audience" + each.get("pointer", "")} for each in error.errors]
        raise NotLaunchable(
            error.detail, errors=errors or [{"pointer": "/audience/rule", "detail": error.detail}]
        ) from error
    except ServiceUnavailable:
        # The preparation asks again until segment-service is back.
        return


async def _found(session: AsyncSession, campaign_id: UUID, *, for_update: bool = False) -> Campaign:
    campaign = await repository.find(session, campaign_id, for_update=for_update)
    if campaign is None:
        raise CampaignNotFound(f"There is no campaign {campaign_id}.")
    return campaign
