"""/v1/attributes: the catalogue of what the firm keeps of its customers."""

from typing import Annotated, Any

from fastapi import Path, Request, Response
from msgspec import Meta
from rapport.auth import Caller, needs
from rapport.concurrency import etag
from rapport.database import Reading, Transaction
from rapport.errors import documented
from rapport.pagination import Cursor, Limit, Page, decode_cursor, encode_cursor
from rapport.routing import service_router

from profile_service.attributes import repository, service
from profile_service.attributes.rules import Attribute
from profile_service.attributes.schemas import (
    KEY_PATTERN,
    AttributeAnswer,
    AttributeBody,
    AttributePut,
    ExistingValues,
    SurvivorshipBody,
)
from profile_service.fields import Count

router = service_router("attributes", prefix="/v1/attributes", problems=(404, 409))
KeyText = Annotated[str, Meta(pattern=KEY_PATTERN)]
Key = Annotated[str, Path(pattern=KEY_PATTERN, description="As in `traits`; dotted for a part of an object")]


@router.put(
    "/{key}",
    dependencies=[needs("profiles:write")],
    responses={201: {"model": AttributePut, "description": "Defined for the first time"}, **documented(412)},
)
async def put(
    key: Key, body: AttributeBody, request: Request, response: Response, connection: Transaction, caller: Caller
) -> AttributePut:
    """Define an attribute. Values kept already stay; `existing` says how many of them do not fit the schema."""
    after, before, found = await service.put(connection, key, body, caller.subject, request)
    response.headers["ETag"] = etag(after.version)
    if before is None:
        response.status_code = 201
        response.headers["Location"] = f"/v1/attributes/{key}"
    return AttributePut(**_fields(after), existing=ExistingValues(values=found[0], not_fitting=found[1]))


@router.get("", dependencies=[needs("profiles:read")])
async def listed(connection: Reading, limit: Limit = 50, cursor: Cursor = None) -> Page[AttributeAnswer]:
    """All attributes in the order of their keys, those that the product brings included."""
    after = decode_cursor(cursor, tuple[KeyText])[0] if cursor else None
    found = await repository.page(connection, after, limit + 1)
    following = encode_cursor(found[limit - 1].key) if len(found) > limit else None
    return Page(items=[_answer(each) for each in found[:limit]], next_cursor=following)


@router.get("/{key}", dependencies=[needs("profiles:read")])
async def read(key: Key, response: Response, connection: Reading) -> AttributeAnswer:
    """One attribute, with its version as entity tag."""
    found = await service.get(connection, key)
    response.headers["ETag"] = etag(found.version)
    return _answer(found)


@router.get("/{key}/versions", dependencies=[needs("profiles:read")])
async def versions(key: Key, connection: Reading, limit: Limit = 50, cursor: Cursor = None) -> Page[AttributeAnswer]:
    """How the attribute was defined over time, newest first; also for one that is defined no longer."""
    before = decode_cursor(cursor, tuple[Count])[0] if cursor else None
    found = await repository.versions(connection, key, before, limit + 1)
    following = encode_cursor(found[limit - 1].version) if len(found) > limit else None
    return Page(items=[_answer(each) for each in found[:limit]], next_cursor=following)


@router.delete("/{key}", status_code=204, dependencies=[needs("profiles:write")], responses=documented(412))
async def remove(key: Key, request: Request, connection: Transaction) -> Response:
    """Undefine an attribute; values stay in `traits`, unchecked from now on, masked as before if it was personal."""
    await service.remove(connection, key, request)
    return Response(status_code=204)


def _fields(attribute: Attribute) -> dict[str, Any]:
    ranking = attribute.survivorship
    return {
        "key": attribute.key,
        "version": attribute.version,
        "schema": attribute.schema,
        "label": attribute.label,
        "repeating": attribute.repeating,
        "personal": attribute.personal,
        "searchable": attribute.searchable,
        "survivorship": ranking
        and SurvivorshipBody(by=list(ranking.by), trusted_sources=list(ranking.trusted_sources)),
        "changed_at": attribute.changed_at,
        "changed_by": attribute.changed_by,
    }


def _answer(attribute: Attribute) -> AttributeAnswer:
    return AttributeAnswer(**_fields(attribute))
