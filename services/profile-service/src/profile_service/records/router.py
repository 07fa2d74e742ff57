"""/v1/profiles/{id}/records/{key}: records of a repeating attribute, and their history."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Path, Query, Request, Response
from rapport.auth import Caller, needs
from rapport.concurrency import etag
from rapport.database import Reading, Storage, Transaction, begin
from rapport.errors import documented
from rapport.pagination import Cursor, Limit, Page, decode_cursor, encode_cursor
from rapport.routing import service_router
from rapport.text import CleanText
from rapport.tokens import Principal

from profile_service.attributes.rules import Attribute
from profile_service.attributes.schemas import KEY_PATTERN
from profile_service.fields import Count
from profile_service.grants.service import allow
from profile_service.personal import masked_value
from profile_service.records import repository, service
from profile_service.records.repository import Record, State
from profile_service.records.schemas import CorrectionBody, RecordAnswer, RecordBody, RecordState

router = service_router("records", prefix="/v1/profiles/{profile_id}/records/{key}", problems=(404, 409))
Key = Annotated[str, Path(pattern=KEY_PATTERN, description="Key of a repeating attribute")]
Reason = Annotated[CleanText | None, Query(max_length=4_000)]


@router.post("", status_code=201, dependencies=[needs("profiles:write")])
async def add(
    profile_id: UUID, key: Key, body: RecordBody, response: Response, connection: Transaction, caller: Caller
) -> RecordAnswer:
    """Keep a record; the attribute has to be defined as `repeating`."""
    attribute = await service.attribute_of(connection, key, hold=True)
    added = await service.add(connection, profile_id, attribute, body, caller.subject)
    response.headers["Location"] = f"/v1/profiles/{profile_id}/records/{key}/{added.record_id}"
    response.headers["ETag"] = etag(added.version)
    return _answer(added, attribute, caller)


@router.get("", dependencies=[needs("profiles:read")])
async def listed(
    profile_id: UUID,
    key: Key,
    request: Request,
    storage: Storage,
    caller: Caller,
    on_behalf_of: Annotated[
        UUID | None, Query(alias="for", description="A customer who uses these records by the owner's grant")
    ] = None,
    include_deleted: bool = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[RecordAnswer]:
    """Records as they are, that observed last first. With `for` they are read on behalf of that customer: 403 without
    a grant that is live, and the owner sees the use."""
    before = decode_cursor(cursor, tuple[UUID])[0] if cursor else None
    transaction = await begin(request) if on_behalf_of else None
    reader = transaction or storage.pool
    attribute = await service.attribute_of(reader, key)
    members = await service.members_of(reader, profile_id)
    if transaction is not None and on_behalf_of is not None:
        await allow(transaction, members, on_behalf_of, key, caller.subject)
    identities = [each.identity_id for each in members]
    rest = include_deleted and on_behalf_of is None
    found = await repository.page(reader, identities, key, before, limit + 1, deleted=rest)
    following = found[limit - 1] if len(found) > limit else None
    return Page(
        items=[_answer(each, attribute, caller) for each in found[:limit]],
        next_cursor=encode_cursor(following.record_id) if following else None,
    )


@router.get("/{record_id}", dependencies=[needs("profiles:read")])
async def read(
    profile_id: UUID, key: Key, record_id: UUID, response: Response, connection: Reading, caller: Caller
) -> RecordAnswer:
    """One record, with its version as entity tag."""
    attribute = await service.attribute_of(connection, key)
    found = await service.read(connection, profile_id, key, record_id)
    response.headers["ETag"] = etag(found.version)
    return _answer(found, attribute, caller)


@router.put("/{record_id}", dependencies=[needs("profiles:write")], responses=documented(412))
async def correct(
    profile_id: UUID,
    key: Key,
    record_id: UUID,
    body: CorrectionBody,
    request: Request,
    response: Response,
    connection: Transaction,
    caller: Caller,
) -> RecordAnswer:
    """Correct a record: it becomes the next version, the one before stays in its history."""
    attribute = await service.attribute_of(connection, key, hold=True)
    after = await service.correct(connection, profile_id, attribute, record_id, body, caller.subject, request)
    response.headers["ETag"] = etag(after.version)
    return _answer(after, attribute, caller)


@router.delete("/{record_id}", status_code=204, dependencies=[needs("profiles:write")], responses=documented(412))
async def delete(
    profile_id: UUID,
    key: Key,
    record_id: UUID,
    request: Request,
    connection: Transaction,
    caller: Caller,
    reason: Reason = None,
) -> Response:
    """Delete a record; who did it, when and why is the last version of its history."""
    await service.delete(connection, profile_id, key, record_id, reason, caller.subject, request)
    return Response(status_code=204)


@router.get("/{record_id}/versions", dependencies=[needs("profiles:read")])
async def versions(
    profile_id: UUID,
    key: Key,
    record_id: UUID,
    connection: Reading,
    caller: Caller,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[RecordState]:
    """What a record says and said, newest first; also of one that is deleted."""
    before = decode_cursor(cursor, tuple[Count])[0] if cursor else None
    attribute = await service.attribute_of(connection, key)
    found = await service.versions(connection, profile_id, key, record_id, before, limit + 1)
    items = [RecordState(**_fields(each, RecordState, attribute, caller)) for each in found[:limit]]
    return Page(items=items, next_cursor=encode_cursor(items[-1].version) if len(found) > limit else None)


def _answer(record: Record, attribute: Attribute, caller: Principal) -> RecordAnswer:
    return RecordAnswer(**_fields(record, RecordAnswer, attribute, caller))


def _fields(state: State, model: type[RecordState], attribute: Attribute, caller: Principal) -> dict[str, Any]:
    fields = {name: getattr(state, name) for name in model.model_fields}
    if not caller.may("profiles:pii"):
        fields["value"] = masked_value(attribute.key, state.value, personal=attribute.personal)
    return fields
