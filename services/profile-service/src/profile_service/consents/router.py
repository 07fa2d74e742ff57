"""Consents of a customer, the check before contacting many, and do-not-contact entries."""

from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import Query, Response
from rapport.auth import Caller, needs
from rapport.database import Reading, Transaction
from rapport.errors import Invalid
from rapport.pagination import Cursor, Limit, Page, decode_cursor, encode_cursor
from rapport.routing import service_router
from rapport.text import CleanText

from profile_service.consents import service
from profile_service.consents.schemas import (
    CheckAnswer,
    CheckBody,
    CheckItem,
    ConsentAnswer,
    ConsentBody,
    ConsentEntry,
    ConsentList,
    SuppressionAnswer,
    SuppressionBody,
)
from profile_service.fields import IdentifierAnswer, IdentifierBody, Name
from profile_service.identifiers import read_identifier
from profile_service.personal import masked_identifier
from profile_service.policy import Policed

router = service_router("consents", problems=(404,))


@router.put("/profiles/{profile_id}/consents/{channel}/{purpose}", dependencies=[needs("profiles:write")])
async def put(
    profile_id: UUID, channel: Name, purpose: Name, body: ConsentBody, connection: Transaction
) -> ConsentAnswer:
    """Note what the customer allows on a channel for a purpose."""
    profile, word = await service.put(connection, profile_id, channel, purpose, body)
    return _answer(profile, word)


@router.get("/profiles/{profile_id}/consents", dependencies=[needs("profiles:read")])
async def listed(profile_id: UUID, connection: Reading) -> ConsentList:
    """What counts on each channel and purpose, with how it came about."""
    profile, words = await service.listed(connection, profile_id)
    return ConsentList(items=[_answer(profile, word) for word in words])


@router.post("/consents/check", dependencies=[needs("profiles:read")])
async def check(body: CheckBody, connection: Reading) -> CheckAnswer:
    """May these customers be contacted? Without a grant, no; the reason is given for each."""
    found = await service.check(connection, body.profile_ids, body.channel, body.purpose)
    return CheckAnswer(
        items=[CheckItem(profile_id=each, allowed=reason == "granted", reason=reason) for each, reason in found]
    )


@router.post("/suppressions", status_code=201, dependencies=[needs("profiles:write")])
async def suppress(
    body: SuppressionBody, connection: Transaction, policy: Policed, caller: Caller
) -> SuppressionAnswer:
    """Do not contact this identifier, whether or not a profile has it."""
    identifier = read_identifier(body.identifier, "/identifier", policy.country)
    return _suppression(await service.suppress(connection, identifier, body), pii=caller.may("profiles:pii"))


@router.get("/suppressions", dependencies=[needs("profiles:read")])
async def suppressions(
    connection: Reading,
    policy: Policed,
    caller: Caller,
    kind: Annotated[CleanText | None, Query(max_length=32)] = None,
    value: Annotated[CleanText | None, Query(min_length=1, max_length=512)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[SuppressionAnswer]:
    """Do-not-contact entries, newest first; those of one identifier when kind and value are given."""
    identifier = None
    if kind is not None or value is not None:
        if kind is None or value is None:
            raise Invalid("Give kind and value together.", errors=[{"pointer": "", "detail": "kind and value"}])
        identifier = read_identifier(IdentifierBody.model_construct(kind=kind, value=value), "", policy.country)
    before = decode_cursor(cursor, tuple[UUID])[0] if cursor else None
    rows = await service.suppressions(connection, identifier, before, limit + 1)
    items = [_suppression(row, pii=caller.may("profiles:pii")) for row in rows[:limit]]
    return Page(items=items, next_cursor=encode_cursor(items[-1].suppression_id) if len(rows) > limit else None)


@router.delete("/suppressions/{suppression_id}", status_code=204, dependencies=[needs("profiles:write")])
async def lift(suppression_id: UUID, connection: Transaction) -> Response:
    """Remove a do-not-contact entry."""
    await service.lift(connection, suppression_id)
    return Response(status_code=204)


def _answer(profile_id: UUID, word: service.Word) -> ConsentAnswer:
    counts, history = word
    return ConsentAnswer(
        profile_id=profile_id,
        channel=counts.channel,
        purpose=counts.purpose,
        status=counts.status,
        lawful_basis=counts.lawful_basis,
        source=counts.source,
        proof=counts.proof,
        at=counts.at,
        history=[
            ConsentEntry(
                status=each.status,
                lawful_basis=each.lawful_basis,
                source=each.source,
                proof=each.proof,
                at=each.at,
                confirmed_at=each.confirmed_at,
                identity_id=each.identity_id,
            )
            for each in history
        ],
    )


def _suppression(row: asyncpg.Record, *, pii: bool) -> SuppressionAnswer:
    value = row["value"] if pii else masked_identifier(row["kind"], row["value"])
    return SuppressionAnswer(
        suppression_id=row["suppression_id"],
        identifier=IdentifierAnswer(kind=row["kind"], value=value),
        identity_id=row["identity_id"],
        channel=row["channel"],
        reason=row["reason"],
        source=row["source"],
        created_at=row["created_at"],
    )
