"""The next best action: service before selling, then the most important offer that the customer may get."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

CONTROL = "control"
SERVICE_TEXT = "Attend to the open complaint first; do not propose anything to buy."


class OpenCase(NamedTuple):
    """A complaint that is not settled."""

    case_id: UUID
    severity: str | None
    since: datetime


class Candidate(NamedTuple):
    """A running campaign's offer and this customer's place in it; the candidates come in order of preference."""

    campaign_id: UUID
    name: str
    priority: int
    offer_id: str | None
    text: str | None
    included: bool | None
    arm: str | None
    reason: str | None


class Verdict(NamedTuple):
    """What to do, what was weighed, and why there is nothing to do if so."""

    actions: list[dict[str, Any]]
    considered: list[dict[str, Any]]
    reasons: list[str]


def decide(cases: Sequence[OpenCase], candidates: Sequence[Candidate]) -> Verdict:
    """A verdict from what is known."""
    weighed = [each for each in candidates if each.offer_id is not None]
    if cases:
        return _serve(cases, weighed)
    considered: list[dict[str, Any]] = []
    actions: list[dict[str, Any]] = []
    for each in weighed:
        against = _against(each)
        if against is None and not actions:
            reason = f"In the campaign {each.name!r} ({each.arm}), priority {each.priority}, the highest that applies."
            actions.append({"kind": "offer", "offer_id": each.offer_id, "text": each.text, "reason": reason})
            considered.append(_weighed(each, "chosen", reason))
        elif against is None:
            considered.append(_weighed(each, "outranked", "Another offer is more important or newer."))
        else:
            considered.append(_weighed(each, "ruled_out", against))
    return Verdict(actions, considered, [] if actions else [_why_nothing(weighed)])


def _serve(cases: Sequence[OpenCase], weighed: Sequence[Candidate]) -> Verdict:
    first = min(cases, key=lambda each: each.since)
    reason = f"A complaint is open since {first.since:%Y-%m-%d}: nothing is sold until it is settled."
    if len(cases) > 1:
        reason = (
            f"{len(cases)} complaints are open, the first since {first.since:%Y-%m-%d}: nothing is sold until then."
        )
    action = {"kind": "service", "offer_id": None, "text": SERVICE_TEXT, "reason": reason}
    return Verdict([action], [_weighed(each, "ruled_out", reason) for each in weighed], [])


def _against(candidate: Candidate) -> str | None:
    if candidate.included is None:
        return "The customer is not in the campaign's audience."
    if not candidate.included:
        return f"The customer was left out of the campaign: {candidate.reason}."
    if candidate.arm == CONTROL:
        return "The customer is in the control group: an offer would spoil the measurement."
    return None


def _weighed(candidate: Candidate, verdict: str, reason: str) -> dict[str, Any]:
    return {
        "campaign_id": candidate.campaign_id,
        "name": candidate.name,
        "offer_id": candidate.offer_id,
        "verdict": verdict,
        "reason": reason,
    }


def _why_nothing(weighed: Sequence[Candidate]) -> str:
    if not weighed:
        return "No running campaign has an offer."
    return "None of the running campaigns' offers is for this customer."
