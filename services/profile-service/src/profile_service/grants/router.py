"""/v1/profiles/{id}/record-grants: who may use a customer's records."""

from typing import Literal
from uuid import UUID

import asyncpg
from fastapi import Response
from rapport.auth import Caller, needs
from rapport.database import Reading, Transaction
from rapport.pagination import Cursor, Limit, Page, decode_cursor, encode_cursor
from rapport.routing import service_router
from rapport.telemetry.masking import masked_field
from rapport.tokens import Principal

from profile_service.grants import service
from profile_service.grants.schemas import GrantAnswer, GrantBody, UseAnswer

router = service_router("records", prefix="/v1/profiles/{profile_id}/record-grants", problems=(404, 409))


@router.post("", status_code=201, dependencies=[needs("profiles:write")])
async def give(profile_id: UUID, body: GrantBody, connection: Transaction, caller: Caller) -> GrantAnswer:
    """The owner of records lets another customer use them until a time: `GET .../records/{key}?for=`."""
    return _answer(await service.give(connection, profile_id, body, caller.subject), caller)


@router.get("", dependencies=[needs("profiles:read")])
async def listed(
    profile_id: UUID,
    connection: Reading,
    caller: Caller,
    direction: Literal["given", "received"] = "given",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[GrantAnswer]:
    """Grants that the customer has given, or received, newest first, with what came of them."""
    before = decode_cursor(cursor, tuple[UUID])[0] if cursor else None
    found = await service.listed(connection, profile_id, before, limit + 1, received=direction == "received")
    items = [_answer(each, caller) for each in found[:limit]]
    return Page(items=items, next_cursor=encode_cursor(items[-1].grant_id) if len(found) > limit else None)


@router.get("/{grant_id}/uses", dependencies=[needs("profiles:read")])
async def uses(
    profile_id: UUID, grant_id: UUID, connection: Reading, limit: Limit = 50, cursor: Cursor = None
) -> Page[UseAnswer]:
    """When and by whom the owner's records were read by virtue of the grant, newest first."""
    before = decode_cursor(cursor, tuple[UUID])[0] if cursor else None
    found = await service.uses(connection, profile_id, grant_id, before, limit + 1)
    items = [UseAnswer(used_at=each["used_at"], used_by=each["used_by"]) for each in found[:limit]]
    return Page(items=items, next_cursor=encode_cursor(found[limit - 1]["use_id"]) if len(found) > limit else None)


@router.delete("/{grant_id}", status_code=204, dependencies=[needs("profiles:write")])
async def revoke(profile_id: UUID, grant_id: UUID, connection: Transaction, caller: Caller) -> Response:
    """The owner takes the permission back, from this moment on."""
    await service.revoke(connection, profile_id, grant_id, caller.subject)
    return Response(status_code=204)


def _answer(row: asyncpg.Record, caller: Principal) -> GrantAnswer:
    fields = {name: row[name] for name in GrantAnswer.model_fields}
    if not caller.may("profiles:pii"):
        fields["note"] = masked_field("note", fields["note"])
    return GrantAnswer(**fields)
