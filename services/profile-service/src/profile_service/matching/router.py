"""/v1/match-runs and /v1/match-candidates: duplicates without a common identifier."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response
from rapport.auth import Caller, needs
from rapport.database import Reading, Transaction
from rapport.pagination import Cursor, Limit, Page, decode_cursor, encode_cursor
from rapport.routing import service_router

from profile_service.audit.trail import note
from profile_service.matching import service
from profile_service.matching.schemas import (
    CandidateAnswer,
    DecisionAnswer,
    DecisionBody,
    RunAnswer,
    RunBody,
    Source,
    State,
)
from profile_service.policy import Policed

router = service_router("matching", problems=(404, 409))

Probability = Annotated[float | None, Query(ge=0, le=1)]


@router.post("/match-runs", status_code=202, dependencies=[needs("profiles:write")])
async def run(response: Response, connection: Transaction, body: RunBody | None = None) -> RunAnswer:
    """Look for duplicates: sure ones are linked, likely ones offered for review. A run that waits will do for all."""
    answer = await service.request(connection, body or RunBody())
    response.headers["Location"] = f"/v1/jobs/{answer.job_id}"
    return answer


@router.get("/match-candidates", dependencies=[needs("profiles:read")])
async def candidates(
    connection: Reading,
    state: State | None = None,
    source: Source | None = None,
    min_probability: Probability = None,
    max_probability: Probability = None,
    profile_id: UUID | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[CandidateAnswer]:
    """Profiles that may be one customer, newest first, with what speaks for it and against it."""
    before = decode_cursor(cursor, tuple[UUID])[0] if cursor else None
    found = await service.listed(
        connection, state, source, min_probability, max_probability, profile_id, before, limit + 1
    )
    items = found[:limit]
    return Page(items=items, next_cursor=encode_cursor(items[-1].candidate_id) if len(found) > limit else None)


@router.post("/match-candidates/{candidate_id}/accept", dependencies=[needs("profiles:write")])
async def accept(
    candidate_id: UUID,
    request: Request,
    connection: Transaction,
    policy: Policed,
    caller: Caller,
    body: DecisionBody | None = None,
) -> DecisionAnswer:
    """They are one customer: links them, whatever guards say."""
    reason = body.reason if body else None
    return _noted(request, await service.accept(connection, policy.guards, candidate_id, caller.subject, reason))


@router.post("/match-candidates/{candidate_id}/reject", dependencies=[needs("profiles:write")])
async def reject(
    candidate_id: UUID,
    request: Request,
    connection: Transaction,
    policy: Policed,
    caller: Caller,
    body: DecisionBody | None = None,
) -> DecisionAnswer:
    """They are two customers: never offered again, and no evidence joins them but an operator's."""
    reason = body.reason if body else None
    return _noted(request, await service.reject(connection, policy.guards, candidate_id, caller.subject, reason))


def _noted(request: Request, answer: DecisionAnswer) -> DecisionAnswer:
    note(request, {*answer.profiles_before, *answer.profiles_after})
    return answer
