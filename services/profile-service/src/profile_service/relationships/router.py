"""/v1/profiles/{id}/relationships, /people and /referrals: who belongs to a customer, and who brought whom."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response
from rapport.auth import Caller, needs
from rapport.concurrency import etag
from rapport.database import Reading, Transaction
from rapport.errors import documented
from rapport.pagination import Cursor, Limit, decode_cursor, encode_cursor
from rapport.routing import service_router

from profile_service.fields import Count
from profile_service.profiles.service import read_many
from profile_service.relationships import answers, circle, service
from profile_service.relationships.schemas import (
    Kind,
    PeoplePage,
    ReferralPage,
    RelationshipAnswer,
    RelationshipBody,
    RelationshipPage,
    RelationshipPatch,
)

router = service_router("relationships", prefix="/v1/profiles/{profile_id}", problems=(404, 409))
Depth = Annotated[int, Query(ge=1, le=100, description="Steps along the chain")]


@router.post("/relationships", status_code=201, dependencies=[needs("profiles:write")])
async def add(
    profile_id: UUID, body: RelationshipBody, response: Response, connection: Transaction, caller: Caller
) -> RelationshipAnswer:
    """Say what another profile is to this one; the other one shows the inverse."""
    me, added = await service.add(connection, profile_id, body, caller.subject)
    response.headers["ETag"] = etag(added.version)
    response.headers["Location"] = f"/v1/profiles/{profile_id}/relationships/{added.relationship_id}"
    profiles = await read_many(connection, [added.seen_from(me).profile_id])
    return answers.relationship(added, me, profiles, caller)


@router.get("/relationships", dependencies=[needs("profiles:read")])
async def listed(
    profile_id: UUID,
    connection: Reading,
    caller: Caller,
    kind: Annotated[Kind | None, Query(description="This kind or its inverse")] = None,
    include_removed: bool = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> RelationshipPage:
    """Relationships from either side, newest first, and the household as a whole."""
    before = decode_cursor(cursor, tuple[UUID])[0] if cursor else None
    me, found = await service.listed(connection, profile_id, kind, before, limit + 1, removed=include_removed)
    homes = await service.household(connection, [me])
    profiles = await read_many(connection, {each.seen_from(me).profile_id for each in found[:limit]})
    return RelationshipPage(
        items=[answers.relationship(each, me, profiles, caller) for each in found[:limit]],
        next_cursor=encode_cursor(found[limit - 1].relationship_id) if len(found) > limit else None,
        household=sorted(homes.get(me, frozenset()) - {me}),
    )


@router.get("/relationships/{relationship_id}", dependencies=[needs("profiles:read")])
async def read(
    profile_id: UUID, relationship_id: UUID, response: Response, connection: Reading, caller: Caller
) -> RelationshipAnswer:
    """One relationship as this profile sees it, with an entity tag of what can be changed."""
    me, found = await service.get(connection, profile_id, relationship_id)
    response.headers["ETag"] = etag(found.version)
    profiles = await read_many(connection, [found.seen_from(me).profile_id])
    return answers.relationship(found, me, profiles, caller)


@router.patch("/relationships/{relationship_id}", dependencies=[needs("profiles:write")], responses=documented(412))
async def change(
    profile_id: UUID,
    relationship_id: UUID,
    body: RelationshipPatch,
    request: Request,
    response: Response,
    connection: Transaction,
    caller: Caller,
) -> RelationshipAnswer:
    """Change role, note or days by JSON Merge Patch (RFC 7396): an employment ends by its `until`."""
    me, after = await service.change(connection, profile_id, relationship_id, body, request)
    response.headers["ETag"] = etag(after.version)
    profiles = await read_many(connection, [after.seen_from(me).profile_id])
    return answers.relationship(after, me, profiles, caller)


@router.delete("/relationships/{relationship_id}", status_code=204, dependencies=[needs("profiles:write")])
async def remove(profile_id: UUID, relationship_id: UUID, connection: Transaction, caller: Caller) -> Response:
    """Remove a relationship, from either side."""
    await service.remove(connection, profile_id, relationship_id, caller.subject)
    return Response(status_code=204)


@router.delete("/relationships", status_code=204, dependencies=[needs("profiles:write")])
async def remove_matching(
    profile_id: UUID,
    connection: Transaction,
    caller: Caller,
    kind: Annotated[Kind, Query(description="As this profile sees it")],
    other: Annotated[UUID | None, Query(alias="profile_id", description="With this profile alone")] = None,
) -> Response:
    """Remove the relationships of a kind, all or those with one profile; who leaves a `household` leaves the others
    together."""
    await service.remove_matching(connection, profile_id, kind, other, caller.subject)
    return Response(status_code=204)


@router.get("/people", dependencies=[needs("profiles:read")])
async def people(
    profile_id: UUID, connection: Reading, caller: Caller, limit: Limit = 50, cursor: Cursor = None
) -> PeoplePage:
    """The people of a firm, key contacts first, or around a person; each with their family and the days to remember."""
    start = decode_cursor(cursor, tuple[Count])[0] if cursor else 0
    found, profiles = await circle.people(connection, profile_id, start, limit + 1)
    return PeoplePage(
        items=[answers.person(each, profiles, caller) for each in found[:limit]],
        next_cursor=encode_cursor(start + limit) if len(found) > limit else None,
    )


@router.get("/referrals", dependencies=[needs("profiles:read")])
async def referrals(
    profile_id: UUID, connection: Reading, caller: Caller, depth: Depth = 10, limit: Limit = 50, cursor: Cursor = None
) -> ReferralPage:
    """Whom the customer brought, whom those brought and so on down to `depth`; in `referrers` who brought them."""
    start = decode_cursor(cursor, tuple[Count])[0] if cursor else 0
    down = await circle.chain(connection, profile_id, depth, upwards=False)
    up = await circle.chain(connection, profile_id, depth, upwards=True)
    shown = down[start : start + limit]
    profiles = await read_many(connection, {each.profile_id for each in (*up, *shown)})
    return ReferralPage(
        items=[answers.referral(each, profiles, caller) for each in shown],
        next_cursor=encode_cursor(start + limit) if len(down) > start + limit else None,
        referrers=[answers.referral(each, profiles, caller) for each in up],
        total=len(down),
    )
