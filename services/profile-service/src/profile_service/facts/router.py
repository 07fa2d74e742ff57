"""GET and POST /v1/profiles/{id}/facts."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response
from rapport.auth import Caller, needs
from rapport.database import Reading, Transaction
from rapport.pagination import Cursor, Limit, Page, decode_cursor, encode_cursor
from rapport.routing import service_router
from rapport.text import CleanText

from profile_service.facts import service
from profile_service.facts.rules import Fact, Standing
from profile_service.facts.schemas import FactAnswer, FactBody
from profile_service.personal import masked_value
from profile_service.policy import Policed

router = service_router("facts", prefix="/v1/profiles/{profile_id}/facts", problems=(404,))


@router.post("", status_code=201, dependencies=[needs("profiles:write")])
async def tell(
    profile_id: UUID, body: FactBody, connection: Transaction, policy: Policed, caller: Caller
) -> FactAnswer:
    """Keep a fact with where it comes from; `traits` shows the winner, the rest stay."""
    fact, standing = await service.tell(connection, policy, profile_id, body)
    return _answer(fact, standing, pii=caller.may("profiles:pii"))


@router.get("", dependencies=[needs("profiles:read")])
async def listed(
    profile_id: UUID,
    connection: Reading,
    caller: Caller,
    key: Annotated[CleanText | None, Query(max_length=200)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[FactAnswer]:
    """Facts about a customer, newest first, those that lose included: `reason` says why."""
    before = decode_cursor(cursor, tuple[UUID])[0] if cursor else None
    found, standings = await service.listed(connection, profile_id, key, before, limit + 1)
    pii = caller.may("profiles:pii")
    items = [_answer(fact, standings[fact.fact_id], pii=pii) for fact in found[:limit]]
    return Page(items=items, next_cursor=encode_cursor(items[-1].fact_id) if len(found) > limit else None)


@router.delete("/{fact_id}", status_code=204, dependencies=[needs("profiles:write")])
async def withdraw(
    profile_id: UUID,
    fact_id: UUID,
    connection: Transaction,
    caller: Caller,
    reason: Annotated[CleanText | None, Query(max_length=4_000)] = None,
) -> Response:
    """Take a wrong fact back: it stays in the list and cannot win, unless it is told again later."""
    await service.withdraw(connection, profile_id, fact_id, caller.subject, reason)
    return Response(status_code=204)


def _answer(fact: Fact, standing: Standing, *, pii: bool) -> FactAnswer:
    withdrawn = fact.withdrawn_at is not None
    return FactAnswer(
        fact_id=fact.fact_id,
        identity_id=fact.identity_id,
        key=fact.key,
        value=fact.value if pii else masked_value(fact.key, fact.value, personal=fact.personal),
        origin=fact.origin,
        source=fact.source,
        confidence=fact.confidence,
        first_observed_at=fact.first_observed_at,
        observed_at=fact.observed_at,
        expires_at=fact.expires_at,
        recorded_at=fact.recorded_at,
        import_id=fact.import_id,
        wins=standing.wins,
        reason=standing.reason,
        beaten_by=standing.beaten_by,
        withdrawn_at=fact.withdrawn_at,
        withdrawn_by=fact.withdrawn_by if withdrawn else None,
        withdrawal_reason=fact.withdrawal_reason if withdrawn else None,
    )
