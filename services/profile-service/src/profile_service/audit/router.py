"""GET /v1/profiles/{id}/audit."""

from uuid import UUID

from rapport.auth import needs
from rapport.database import Reading
from rapport.pagination import Cursor, Limit, Page, decode_cursor, encode_cursor
from rapport.routing import service_router

from profile_service.audit import service
from profile_service.audit.schemas import AuditAnswer

router = service_router("audit", problems=(404,))


@router.get("/profiles/{profile_id}/audit", dependencies=[needs("privacy", "admin")])
async def listed(profile_id: UUID, connection: Reading, limit: Limit = 50, cursor: Cursor = None) -> Page[AuditAnswer]:
    """Who read or changed this customer's file, when, with which token; newest first."""
    before = decode_cursor(cursor, tuple[UUID])[0] if cursor else None
    rows = await service.listed(connection, profile_id, before, limit + 1)
    items = [AuditAnswer(**dict(row)) for row in rows[:limit]]
    return Page(items=items, next_cursor=encode_cursor(items[-1].audit_id) if len(rows) > limit else None)
