"""The interaction feed: responses, orders and complaints."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from fastapi import FastAPI
from rapport.database import Connection
from rapport.feed import Event, FeedConsumer, ReceivedEvent, append

from campaign_service.consumers import repository
from campaign_service.consumers.repository import Answer, CaseChange
from campaign_service.consumers.touchpoints import Touchpoint, goal_events, order_report, properties, responded_to

_CASE_EVENTS = {"case.opened", "case.updated", "case.closed"}
_CLOSED = {"closed", "resolved", "rejected", "cancelled"}


class _Case(msgspec.Struct):
    case_id: UUID
    identity_id: UUID
    kind: str
    occurred_at: datetime
    severity: str | int | None = None
    state: str = "open"


_touchpoint = msgspec.json.Decoder(Touchpoint)
_case = msgspec.json.Decoder(_Case)


async def apply(connection: Connection, events: Sequence[ReceivedEvent]) -> None:
    """Take over a batch of events."""
    touchpoints = [_touchpoint.decode(event.data) for event in events if event.type == "touchpoint.recorded"]
    if touchpoints:
        await _take(connection, touchpoints)
    cases = [_changed(event) for event in events if event.type in _CASE_EVENTS]
    await repository.keep_cases(connection, cases)


async def _take(connection: Connection, touchpoints: Sequence[Touchpoint]) -> None:
    said = [(each, properties(each)) for each in touchpoints]
    answers = [
        Answer(each.touchpoint_id, campaign_id, each.identity_id, each.name or each.type, each.occurred_at)
        for each, words in said
        if (campaign_id := responded_to(each, words)) is not None
    ]
    if answers:
        ours = await repository.ours(connection, [answer.campaign_id for answer in answers])
        answers = [answer for answer in answers if answer.campaign_id in ours]
        await _announce(connection, await repository.keep_answers(connection, answers))
    reports = [report for each, words in said if (report := order_report(each, words)) is not None]
    await repository.keep_orders(connection, reports)
    await repository.keep_goal_events(connection, goal_events(touchpoints, await repository.goals(connection)))


async def _announce(connection: Connection, answers: Sequence[Answer]) -> None:
    def event(answer: Answer) -> Event:
        data: dict[str, Any] = answer._asdict()
        return Event(type="message.responded", time=answer.occurred_at, subject=str(answer.campaign_id), data=data)

    await append(connection, [event(answer) for answer in answers])


def _changed(event: ReceivedEvent) -> CaseChange:
    case = _case.decode(event.data)
    is_open = event.type != "case.closed" and case.state not in _CLOSED
    severity = None if case.severity is None else str(case.severity)
    return CaseChange(case.case_id, case.identity_id, case.kind, severity, is_open, case.occurred_at)


async def worker(app: FastAPI) -> None:
    """Follows interaction-service."""
    await FeedConsumer("interaction", app.state.interaction_feed, app.state.database, apply).run()
