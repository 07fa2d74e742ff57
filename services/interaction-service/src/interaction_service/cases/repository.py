"""Storing and finding cases."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from interaction_service.models import Case


async def get(session: AsyncSession, case_id: UUID, *, lock: bool = False) -> Case | None:
    """A case, kept from other writers until the transaction ends if `lock`."""
    return await session.get(Case, case_id, with_for_update=True if lock else None)


async def page(
    session: AsyncSession,
    identities: Sequence[UUID] | None,
    wanted: dict[str, str],
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Case]:
    """Cases, the newest first, of these identities if given, with these columns equal, after a position."""
    query = select(Case).order_by(Case.opened_at.desc(), Case.case_id.desc()).limit(limit)
    if identities is not None:
        query = query.where(Case.identity_id.in_(identities))
    for column, value in wanted.items():
        query = query.where(getattr(Case, column) == value)
    if before is not None:
        query = query.where(tuple_(Case.opened_at, Case.case_id) < before)
    return list((await session.scalars(query)).all())
