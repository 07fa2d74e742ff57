"""Who a rule describes, page by page."""

from uuid import UUID

from rapport.database import Connection
from rapport.pagination import decode_cursor, encode_cursor

from segment_service.audiences import repository
from segment_service.audiences.schemas import AudienceIn, AudiencePage, Member
from segment_service.conditions.parser import parse
from segment_service.conditions.statements import statement


async def members(connection: Connection, asked: AudienceIn) -> AudiencePage:
    """A page of the audience; raises `InvalidRule` and `Invalid` for a cursor that no page gave."""
    query = await statement(parse(asked.rule), "members", "everybody")
    after = decode_cursor(asked.cursor, tuple[UUID])[0] if asked.cursor is not None else None
    rows = await repository.page(connection, query, after, asked.limit + 1)
    total = await repository.size(connection, query)
    items = [Member(**dict(row)) for row in rows[: asked.limit]]
    more = len(rows) > asked.limit
    return AudiencePage(items=items, next_cursor=encode_cursor(items[-1].profile_id) if more else None, total=total)
