"""Reviewing duplicates: what is offered, and an operator's word on it."""

from uuid import UUID

import asyncpg
import msgspec
from rapport.database import Connection

from profile_service.jobs.service import submit
from profile_service.ledger.guards import Guards
from profile_service.ledger.records import Outcome, Plan, View
from profile_service.ledger.rules import OPERATOR
from profile_service.ledger.service import record
from profile_service.links.rules import say
from profile_service.matching import repository
from profile_service.matching.errors import CandidateDecided, UnknownCandidate
from profile_service.matching.rules import MATCH, in_words
from profile_service.matching.schemas import (
    CandidateAnswer,
    DecisionAnswer,
    FieldWeight,
    Guarded,
    RunAnswer,
    RunBody,
    Source,
    State,
)

MATCH_RUN = "match_run"


async def request(connection: Connection, body: RunBody) -> RunAnswer:
    """A run that will see everything committed before; one that still waits to start will do."""
    job = await submit(connection, MATCH_RUN, body.model_dump(), shared=True)
    return RunAnswer(job_id=job.job_id)


async def listed(
    connection: Connection,
    state: State | None,
    source: Source | None,
    least: float | None,
    most: float | None,
    profile_id: UUID | None,
    before: UUID | None,
    limit: int,
) -> list[CandidateAnswer]:
    """Candidates, newest first, at most `limit`."""
    rows = await repository.page(connection, state, source, least, most, profile_id, before, limit)
    return [_answer(row) for row in rows]


async def accept(
    connection: Connection, guards: Guards, candidate_id: UUID, by: str, reason: str | None
) -> DecisionAnswer:
    """The two are one customer, by an operator's word. Raises `UnknownCandidate` or `CandidateDecided`."""
    row = await _undecided(connection, candidate_id, "accepted")
    ends = (row["a"], row["b"])
    if row["state"] == "accepted":
        return await _decided(connection, candidate_id, ends, None)
    outcome = await record(
        connection, guards, (), lambda view: say(view, [ends], by, reason or _why(row)), also=ends, deep=ends
    )
    link_id = outcome.link_ids[min(ends), max(ends), OPERATOR]
    await repository.decide(connection, row, "accepted", link_id, by, reason)
    return await _decided(connection, candidate_id, ends, outcome)


async def reject(
    connection: Connection, guards: Guards, candidate_id: UUID, by: str, reason: str | None
) -> DecisionAnswer:
    """The two are two customers: kept apart from now on. Raises `UnknownCandidate` or `CandidateDecided`."""
    row = await _undecided(connection, candidate_id, "rejected")
    ends = (row["a"], row["b"])
    if row["state"] == "rejected":
        return await _decided(connection, candidate_id, ends, None)

    def plan(view: View) -> Plan:
        return Plan([], [], [ends], view.now, by, reason)

    outcome = await record(connection, guards, (), plan, also=ends, deep=ends)
    await repository.decide(connection, row, "rejected", None, by, reason)
    return await _decided(connection, candidate_id, ends, outcome)


async def _undecided(connection: Connection, candidate_id: UUID, wanted: State) -> asyncpg.Record:
    await repository.lock(connection, candidate_id)
    row = await repository.one(connection, candidate_id)
    if row is None:
        raise UnknownCandidate(f"There is no match candidate {candidate_id}.")
    if row["state"] not in {"open", wanted}:
        raise CandidateDecided(f"It has been {row['state']} by {row['decided_by']}.")
    if wanted == "rejected" and row["state"] == "open" and row["profile_a"] == row["profile_b"]:
        raise CandidateDecided("The two are one profile by now; retract the link that joined them instead.")
    return row


async def _decided(
    connection: Connection, candidate_id: UUID, ends: tuple[UUID, UUID], outcome: Outcome | None
) -> DecisionAnswer:
    row = await repository.one(connection, candidate_id)
    if row is None:
        raise UnknownCandidate(f"There is no match candidate {candidate_id}.")
    candidate = _answer(row)
    before = candidate.profiles if outcome is None else sorted({outcome.before[end] for end in ends})
    after = candidate.profiles if outcome is None else sorted({outcome.after[end] for end in ends})
    return DecisionAnswer(candidate=candidate, link_id=candidate.link_id, profiles_before=before, profiles_after=after)


def _why(row: asyncpg.Record) -> str:
    what = "match candidate" if row["source"] == MATCH else "held link"
    return f"{what} {row['candidate_id']} accepted"


def _answer(row: asyncpg.Record) -> CandidateAnswer:
    weights = msgspec.json.decode(row["weights"]) if row["weights"] else []
    return CandidateAnswer(
        candidate_id=row["candidate_id"],
        state=row["state"],
        source=row["source"],
        profiles=sorted({row["profile_a"], row["profile_b"]}),
        probability=row["probability"],
        weights=[FieldWeight(field=field, level=level, weight=weight) for field, level, weight in weights],
        reasons=[Guarded(**each) for each in in_words(row["guards"])],
        link_id=row["link_id"],
        job_id=row["job_id"],
        found_at=row["found_at"],
        decided_at=row["decided_at"],
        decided_by=row["decided_by"],
        reason=row["reason"],
    )
