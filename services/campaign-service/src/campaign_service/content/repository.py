"""Statements about templates."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from campaign_service.models import Template


async def find(session: AsyncSession, key: str, *, for_update: bool = False) -> Template | None:
    """The template under a key."""
    statement = select(Template).where(Template.key == key)
    return await session.scalar(statement.with_for_update() if for_update else statement)


async def page(session: AsyncSession, after: str | None, limit: int) -> list[Template]:
    """Templates by key."""
    statement = select(Template).order_by(Template.key).limit(limit)
    if after is not None:
        statement = statement.where(Template.key > after)
    return list(await session.scalars(statement))


async def create(session: AsyncSession, key: str, channel: str, body: dict[str, Any]) -> bool:
    """Keep a new template; False when somebody else just did."""
    statement = insert(Template).values(key=key, channel=channel, body=body).on_conflict_do_nothing()
    return await session.scalar(statement.returning(Template.key)) is not None
