"""Statements about campaigns and jobs."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import case, delete, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from campaign_service.models import Campaign, Job, Recipient, Send


async def find(session: AsyncSession, campaign_id: UUID, *, for_update: bool = False) -> Campaign | None:
    """A campaign, locked when it is about to change."""
    statement = select(Campaign).where(Campaign.campaign_id == campaign_id)
    return await session.scalar(statement.with_for_update() if for_update else statement)


async def page(
    session: AsyncSession, after: tuple[datetime, UUID] | None, limit: int, state: str | None
) -> list[Campaign]:
    """Campaigns, newest first."""
    order = tuple_(Campaign.created_at, Campaign.campaign_id)
    statement = select(Campaign).order_by(Campaign.created_at.desc(), Campaign.campaign_id.desc()).limit(limit)
    if after is not None:
        statement = statement.where(order < tuple_(*after))
    if state is not None:
        statement = statement.where(Campaign.state == state)
    return list(await session.scalars(statement))


async def sends_by_state(session: AsyncSession, campaign_id: UUID) -> dict[str, int]:
    """How many messages of a campaign are in which state; one leased is still pending."""
    state = case((Send.state == "leased", "pending"), else_=Send.state)
    rows = await session.execute(
        select(state, func.count()).where(Send.campaign_id == campaign_id).group_by(state).order_by(state)
    )
    return {row[0]: row[1] for row in rows}


async def cancel_sends(session: AsyncSession, campaign_id: UUID, reason: str) -> None:
    """Give up every message that has not been tried."""
    await session.execute(
        update(Send)
        .where(Send.campaign_id == campaign_id, Send.state.in_(["pending", "leased"]))
        .values(state="cancelled", reason=reason, person=None, owner=None, updated_at=func.now())
    )


async def cancel_jobs(session: AsyncSession, campaign_id: UUID) -> None:
    """End the unfinished preparation of a campaign; its worker notices with its next page."""
    await session.execute(
        update(Job)
        .where(Job.campaign_id == campaign_id, Job.state.in_(["queued", "running"]))
        .values(state="cancelled", owner=None, updated_at=func.now(), ended_at=func.now())
    )


async def forget_recipients(session: AsyncSession, campaign_id: UUID) -> None:
    """Take back an audience that was never completed and to which nothing was sent."""
    await session.execute(delete(Send).where(Send.campaign_id == campaign_id))
    await session.execute(delete(Recipient).where(Recipient.campaign_id == campaign_id))


async def find_job(session: AsyncSession, job_id: UUID) -> Job | None:
    """A job."""
    return await session.scalar(select(Job).where(Job.job_id == job_id))
