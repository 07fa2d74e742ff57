"""Deciding, and keeping the record that explains it afterwards."""

from typing import Any
from uuid import UUID

from rapport.database import Connection
from rapport.errors import NotFound

from campaign_service.decisions import repository, rules
from campaign_service.decisions.schemas import DecisionIn, DecisionRecord


class DecisionNotFound(NotFound):
    name, title = "decision-not-found", "There is no such decision"


async def decide(connection: Connection, asked: DecisionIn) -> dict[str, Any]:
    """What to do next for this customer; recorded before it is told."""
    cases, candidates = await repository.known(connection, asked.profile_id)
    verdict = rules.decide(cases, candidates)
    answer = verdict._asdict()
    known = {
        "open_complaints": [case._asdict() for case in cases],
        "campaigns": [each._asdict() for each in candidates],
        "context": asked.context,
    }
    decision_id = await repository.record(
        connection, asked.profile_id, asked.channel, asked.moment, {**answer, "known": known}
    )
    return {"decision_id": decision_id, "profile_id": asked.profile_id, **_signed(answer, decision_id)}


async def get(connection: Connection, decision_id: UUID) -> DecisionRecord:
    """A decision and what was known when it was made; raises `DecisionNotFound`."""
    found = await repository.find(connection, decision_id)
    if found is None:
        raise DecisionNotFound(f"There is no decision {decision_id}.")
    found = _signed(found, decision_id)
    return DecisionRecord.model_validate({name: found[name] for name in DecisionRecord.model_fields})


def _signed(answer: dict[str, Any], decision_id: UUID) -> dict[str, Any]:
    """With the decision's id in every action, by which its outcome is reported."""
    return {**answer, "actions": [{**action, "decision_id": decision_id} for action in answer["actions"]]}
