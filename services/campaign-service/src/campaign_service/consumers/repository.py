"""Statements that keep what the interaction feed tells; whole batches as arrays."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from rapport.database import Connection

from campaign_service.consumers.touchpoints import CANCELLED, ORDERED, REFUNDED, OrderReport, Touchpoint

_GOALS = """
    SELECT DISTINCT goal ->> 'event' FROM campaign
    WHERE launched_at IS NOT NULL AND goal ->> 'event' <> 'Order Completed'
"""
_CAMPAIGNS = "SELECT campaign_id FROM campaign WHERE campaign_id = ANY($1)"
_RESPONSES = """
    INSERT INTO response (touchpoint_id, campaign_id, identity_id, name, occurred_at)
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::timestamptz[]) ON CONFLICT DO NOTHING
    RETURNING touchpoint_id
"""
_GOAL_EVENTS = """
    INSERT INTO goal_event (touchpoint_id, name, identity_id, occurred_at)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[]) ON CONFLICT DO NOTHING
"""
# The newest statement of the amount counts, the earliest of the date; reports may come in any order.
_ORDER = """
    INSERT INTO purchase AS p (order_id, identity_id, ordered_at, amount, amount_at, currency)
    VALUES ($1, $2, $3, $4, CASE WHEN $4::numeric IS NOT NULL THEN $3::timestamptz END, $5)
    ON CONFLICT (order_id) DO UPDATE SET
        identity_id = CASE WHEN p.ordered_at IS NULL THEN excluded.identity_id ELSE p.identity_id END,
        ordered_at = least(p.ordered_at, excluded.ordered_at),
        amount = CASE WHEN excluded.amount_at >= coalesce(p.amount_at, '-infinity') THEN excluded.amount
            ELSE p.amount END,
        amount_at = greatest(p.amount_at, excluded.amount_at),
        currency = coalesce(excluded.currency, p.currency)
"""
_CANCEL = """
    INSERT INTO purchase AS p (order_id, identity_id, cancelled_at) VALUES ($1, $2, $3)
    ON CONFLICT (order_id) DO UPDATE SET cancelled_at = least(p.cancelled_at, excluded.cancelled_at)
"""
_REFUND = """
    INSERT INTO refund (order_id, message_id, amount, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
"""
_CASES = """
    INSERT INTO customer_case AS c (case_id, identity_id, kind, severity, open, since)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (case_id) DO UPDATE SET identity_id = excluded.identity_id, kind = excluded.kind,
        severity = coalesce(excluded.severity, c.severity), open = excluded.open, since = least(c.since, excluded.since)
"""


class Answer(NamedTuple):
    """Somebody answered a campaign."""

    touchpoint_id: UUID
    campaign_id: UUID
    identity_id: UUID
    name: str
    occurred_at: datetime


class CaseChange(NamedTuple):
    """A case as it is now."""

    case_id: UUID
    identity_id: UUID
    kind: str
    severity: str | None
    open: bool
    since: datetime


async def goals(connection: Connection) -> frozenset[str]:
    """Names of events, other than orders, that campaigns want to bring about."""
    return frozenset(row[0] for row in await connection.fetch(_GOALS))


async def ours(connection: Connection, campaign_ids: Sequence[UUID]) -> frozenset[UUID]:
    """Those of the ids that are campaigns of ours."""
    return frozenset(row[0] for row in await connection.fetch(_CAMPAIGNS, campaign_ids))


async def keep_answers(connection: Connection, answers: Sequence[Answer]) -> list[Answer]:
    """Keep responses; those that are new."""
    rows = await connection.fetch(_RESPONSES, *map(list, zip(*answers, strict=True))) if answers else []
    new = {row[0] for row in rows}
    return [answer for answer in answers if answer.touchpoint_id in new]


async def keep_goal_events(connection: Connection, touchpoints: Sequence[Touchpoint]) -> None:
    """Keep events that some campaign wanted."""
    if touchpoints:
        rows = [(each.touchpoint_id, each.name, each.identity_id, each.occurred_at) for each in touchpoints]
        await connection.execute(_GOAL_EVENTS, *map(list, zip(*rows, strict=True)))


async def keep_orders(connection: Connection, reports: Sequence[OrderReport]) -> None:
    """Keep what is said of orders, in the order in which it was said."""
    orders = [each for each in reports if each.name in ORDERED]
    if orders:
        rows = [(each.order_id, each.identity_id, each.at, each.amount, each.currency) for each in orders]
        await connection.executemany(_ORDER, rows)
    cancelled = [(each.order_id, each.identity_id, each.at) for each in reports if each.name == CANCELLED]
    if cancelled:
        await connection.executemany(_CANCEL, cancelled)
    refunds = [(each.order_id, each.message_id, each.amount, each.at) for each in reports if each.name == REFUNDED]
    if refunds:
        await connection.executemany(_REFUND, refunds)


async def keep_cases(connection: Connection, changes: Sequence[CaseChange]) -> None:
    """Keep cases as they are now."""
    if changes:
        await connection.executemany(_CASES, changes)
