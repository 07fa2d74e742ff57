"""Who is in a campaign, and why."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from rapport.auth import needs
from rapport.database import Reading
from rapport.pagination import Cursor, Limit, Page, decode_cursor, encode_cursor
from rapport.routing import service_router

from campaign_service.recipients import service
from campaign_service.recipients.schemas import RecipientOut, RecipientWithAttempts

router = service_router("recipients", problems=(404,))
Word = Annotated[str | None, Query(max_length=50, pattern="^[a-z0-9_.-]+$")]


@router.get("/campaigns/{campaign_id}/recipients", dependencies=[needs("campaigns:read")])
async def page(
    campaign_id: UUID,
    connection: Reading,
    limit: Limit = 50,
    cursor: Cursor = None,
    state: Word = None,
    arm: Word = None,
) -> Page[RecipientOut]:
    """Everybody of the frozen audience, in or out, by profile id; of one message state or one arm if asked."""
    after = decode_cursor(cursor, tuple[UUID])[0] if cursor else None
    items = await service.page(connection, campaign_id, after, limit + 1, state, arm)
    more = encode_cursor(items[limit - 1].profile_id) if len(items) > limit else None
    return Page(items=items[:limit], next_cursor=more)


@router.get("/campaigns/{campaign_id}/recipients/{profile_id}", dependencies=[needs("campaigns:read")])
async def one(campaign_id: UUID, profile_id: UUID, connection: Reading) -> RecipientWithAttempts:
    """Why this person did or did not get the campaign."""
    return await service.one(connection, campaign_id, profile_id)
