"""GET and POST /v1/profiles/{id}/facts."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from rapport.auth import Caller, needs
from rapport.database import Reading, Transaction
from rapport.pagination import Cursor, Limit, Page, decode_cursor, encode_cursor
from rapport.routing import service_router
from rapport.text import CleanText

from profile_service.facts import service
from profile_service.facts.rules import Fact
from profile_service.facts.schemas import FactAnswer, FactBody
from profile_service.personal import masked_value
from profile_service.policy import Policed

router = service_router("facts", prefix="/v1/profiles/{profile_id}/facts", problems=(404,))


@router.post("", status_code=201, dependencies=[needs("profiles:write")])
async def tell(
    profile_id: UUID, body: FactBody, connection: Transaction, policy: Policed, caller: Caller
) -> FactAnswer:
    """Keep a fact with where it comes from; `traits` shows the winner, the rest stay."""
    fact, wins = await service.tell(connection, policy, profile_id, body)
    return _answer(fact, wins=wins, pii=caller.may("profiles:pii"))


@router.get("", dependencies=[needs("profiles:read")])
async def listed(
    profile_id: UUID,
    connection: Reading,
    caller: Caller,
    key: Annotated[CleanText | None, Query(max_length=200)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[FactAnswer]:
    """Facts about a customer, newest first, those that lose included."""
    before = decode_cursor(cursor, tuple[UUID])[0] if cursor else None
    found, winning = await service.listed(connection, profile_id, key, before, limit + 1)
    pii = caller.may("profiles:pii")
    items = [_answer(fact, wins=fact.fact_id in winning, pii=pii) for fact in found[:limit]]
    return Page(items=items, next_cursor=encode_cursor(items[-1].fact_id) if len(found) > limit else None)


def _answer(fact: Fact, *, wins: bool, pii: bool) -> FactAnswer:
    return FactAnswer(
        fact_id=fact.fact_id,
        identity_id=fact.identity_id,
        key=fact.key,
        value=fact.value if pii else masked_value(fact.key, fact.value),
        origin=fact.origin,
        source=fact.source,
        confidence=fact.confidence,
        first_observed_at=fact.first_observed_at,
        observed_at=fact.observed_at,
        expires_at=fact.expires_at,
        recorded_at=fact.recorded_at,
        wins=wins,
    )
