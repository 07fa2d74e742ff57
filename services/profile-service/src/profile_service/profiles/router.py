"""/v1/profiles: resolve, create, read, change, look up, search."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response
from rapport.auth import Caller, needs, principal_of
from rapport.database import Connection, Reading, Transaction, begin, database_of
from rapport.errors import Forbidden, Invalid
from rapport.idempotency import wanted
from rapport.pagination import Cursor, Limit, Page, decode_cursor, encode_cursor
from rapport.routing import hot, service_router
from rapport.text import CleanText
from rapport.tokens import Principal

from profile_service.activity import repository as activity
from profile_service.audit.trail import note, trail_of
from profile_service.identifiers import read_identifiers
from profile_service.policy import Policed, Policy
from profile_service.profiles import answers, service
from profile_service.profiles.lookup import permissions
from profile_service.profiles.resolve import recognise, recognise_or_create, required
from profile_service.profiles.schemas import (
    RESOLVE_SCHEMA,
    CreateBody,
    LookupAnswer,
    LookupBody,
    PatchBody,
    ProfileAnswer,
    ResolveAnswer,
)

router = service_router("profiles", prefix="/v1/profiles", problems=(404, 409))


@router.post(
    "/resolve",
    dependencies=[needs("profiles:read", "profiles:write")],
    responses={200: {"model": ResolveAnswer}},
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": RESOLVE_SCHEMA}}}},
    response_class=Response,
)
@hot
async def resolve(request: Request) -> Response:
    """Which customer these identifiers mean; the strongest known one decides, others are reported in `conflicts`."""
    # No ORM, no model, no transaction unless something has to be written: every contact begins with this call.
    policy, pool = request.app.state.policy, database_of(request).pool
    asked = answers.read_resolve(await request.body())
    identifiers = read_identifiers(asked.identifiers, policy.country)
    if asked.create and not principal_of(request).may("profiles:write"):
        raise Forbidden("To create profiles the token needs the scope profiles:write.", scope="profiles:write")
    connection = await begin(request) if wanted(request) else None
    found, complete = await recognise(connection or pool, policy.guards, identifiers)
    if asked.create and not complete:
        connection = connection or await begin(request)
        found = await recognise_or_create(connection, policy.guards, identifiers)
        note(request, [found.profile_id])
    resolution = required(found)
    trail = trail_of(request.app)
    if connection is None:
        await trail.read(request, [resolution.profile_id])
    else:
        await trail.read_within(request, connection, [resolution.profile_id])
    if not asked.include:
        return answers.resolved(resolution)
    profile = await service.read(connection or pool, resolution.profile_id)
    return answers.resolved(resolution, profile, pii=principal_of(request).may("profiles:pii"))


@router.post(
    "",
    status_code=201,
    dependencies=[needs("profiles:write")],
    responses={201: {"model": ProfileAnswer}},
    response_class=Response,
)
async def create(
    body: CreateBody, request: Request, connection: Transaction, policy: Policed, caller: Caller
) -> Response:
    """A new profile; 409 that names the profile when an identifier belongs to somebody already."""
    profile = await service.create(connection, policy, body)
    note(request, [profile.profile_id])
    return answers.profile(profile, {}, profile.profile_id, caller, status=201)


@router.post(
    "/lookup",
    dependencies=[needs("profiles:read")],
    responses={200: {"model": LookupAnswer}},
    response_class=Response,
)
async def lookup(body: LookupBody, request: Request, connection: Reading, caller: Caller) -> Response:
    """Many profiles in one call, by ids present or past; ids never given are left out."""
    if body.include and not caller.may("profiles:pii"):
        raise Forbidden("To copy profiles the token needs the scope profiles:pii.", scope="profiles:pii")
    found = await service.read_many(connection, list(dict.fromkeys(body.profile_ids)))
    if body.include:
        trail_of(request.app).copied(request, len(found))
        return answers.looked_up(found, await permissions(connection, found.values()), caller)
    trail_of(request.app).note(request, [profile.profile_id for profile in found.values()])
    return answers.looked_up(found, None, caller)


@router.get("", dependencies=[needs("profiles:read")], response_model=Page[ProfileAnswer])
async def search(
    request: Request,
    connection: Reading,
    policy: Policed,
    caller: Caller,
    q: Annotated[
        CleanText | None,
        Query(
            max_length=200,
            description="A name, an identifier in full, the start of an e-mail address or the last digits of a phone",
        ),
    ] = None,
    attribute: Annotated[CleanText | None, Query(max_length=400, description="Key of a searchable attribute")] = None,
    value: Annotated[CleanText | None, Query(max_length=200, description="Its current value, or one of them")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Profiles by `q`, the likeliest first (names also misspelt, in any order and script, at most the likeliest
    thousand), by the value of a searchable attribute (`attribute` and `value`; dotted for a
    part of an object), or all of them."""
    if q and q.strip() and attribute is None and value is None:
        return await _searched(request, connection, policy, caller, q, limit, cursor)
    after = decode_cursor(cursor, tuple[UUID])[0] if cursor else None
    if attribute is None and value is None:
        found = await service.page(connection, after, limit + 1)
    elif attribute is not None and value is not None and q is None:
        found = await service.search_attribute(
            connection, attribute, value, after, limit + 1, pii=caller.may("profiles:pii")
        )
    else:
        raise Invalid("Give attribute and value together, without q.")
    following = encode_cursor(found[limit - 1].profile_id) if len(found) > limit else None
    trail_of(request.app).note(request, [profile.profile_id for profile in found[:limit]])
    return {"items": [answers.listed(profile, caller) for profile in found[:limit]], "next_cursor": following}


async def _searched(
    request: Request, connection: Connection, policy: Policy, caller: Principal, q: str, limit: int, cursor: str | None
) -> dict[str, Any]:
    after = decode_cursor(cursor, tuple[int, float, int, UUID]) if cursor else None
    found = await service.search(connection, policy, q, after, limit + 1)
    following = encode_cursor(*found[limit - 1][0]) if len(found) > limit else None
    trail_of(request.app).note(request, [profile.profile_id for _, profile in found[:limit]])
    return {"items": [answers.listed(profile, caller) for _, profile in found[:limit]], "next_cursor": following}


@router.get(
    "/{profile_id}",
    dependencies=[needs("profiles:read")],
    responses={200: {"model": ProfileAnswer}},
    response_class=Response,
)
async def read(profile_id: UUID, connection: Reading, caller: Caller) -> Response:
    """The file; an id that was merged answers with the survivor and `Content-Location`.

    The id of a customer who was erased is unknown (404), as if they had never been one.
    """
    found = await service.read(connection, profile_id)
    return answers.profile(found, await activity.of(connection, found.identity_ids), profile_id, caller)


@router.patch(
    "/{profile_id}",
    dependencies=[needs("profiles:write")],
    responses={200: {"model": ProfileAnswer}},
    response_class=Response,
)
async def change(
    profile_id: UUID, body: PatchBody, request: Request, connection: Transaction, policy: Policed, caller: Caller
) -> Response:
    """Change traits by JSON Merge Patch (RFC 7396); null removes one. `If-Match` guards against lost updates."""
    profile = await service.change(connection, policy, profile_id, body.traits, request)
    return answers.profile(profile, await activity.of(connection, profile.identity_ids), profile_id, caller)
