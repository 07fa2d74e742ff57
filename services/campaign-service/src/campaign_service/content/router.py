"""Templates: keep them, read them, try them."""

from typing import Annotated

from fastapi import Path, Request, Response, status
from rapport.auth import needs
from rapport.concurrency import etag
from rapport.database import Session
from rapport.errors import documented
from rapport.pagination import Cursor, Limit, Page, decode_cursor, encode_cursor
from rapport.routing import service_router

from campaign_service.clients import ProfileClient
from campaign_service.content import service
from campaign_service.content.schemas import PreviewIn, PreviewOut, TemplateIn, TemplateOut
from campaign_service.values import Key

router = service_router("templates", problems=(404,))
TemplateKey = Annotated[Key, Path()]
_etag = {"headers": {"ETag": {"schema": {"type": "string"}}}}


@router.put(
    "/templates/{key}",
    dependencies=[needs("campaigns:write")],
    responses={201: {"model": TemplateOut, "description": "Created"}, 200: _etag, **documented(412)},
)
async def put(
    key: TemplateKey, template: TemplateIn, request: Request, response: Response, session: Session
) -> TemplateOut:
    """Keep a message in one or several languages; an edit is a new version and spares campaigns already launched."""
    kept, created = await service.put(session, request, key, template)
    response.status_code = status.HTTP_201_CREATED if created else status.HTTP_200_OK
    response.headers["ETag"] = etag(kept.version)
    return kept


@router.get("/templates/{key}", dependencies=[needs("campaigns:read")], responses={200: _etag})
async def get(key: TemplateKey, response: Response, session: Session) -> TemplateOut:
    """One template."""
    kept = await service.get(session, key)
    response.headers["ETag"] = etag(kept.version)
    return kept


@router.get("/templates", dependencies=[needs("campaigns:read")])
async def page(session: Session, limit: Limit = 50, cursor: Cursor = None) -> Page[TemplateOut]:
    """Templates by key."""
    after = decode_cursor(cursor, tuple[str])[0] if cursor else None
    items = await service.page(session, after, limit + 1)
    more = encode_cursor(items[limit - 1].key) if len(items) > limit else None
    return Page(items=items[:limit], next_cursor=more)


@router.post("/templates/preview", dependencies=[needs("campaigns:read")], responses=documented(409))
async def preview(wish: PreviewIn, session: Session, profiles: ProfileClient) -> PreviewOut:
    """A message as one person would get it, and which variables had no value."""
    return await service.preview(session, profiles, wish)
