"""Every statement on orders and refunds."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from rapport.database import Connection

from segment_service.purchases.rules import Order, Report

Key = tuple[UUID, str]


class Changed(NamedTuple):
    """An order row that changed: the times before and after decide which column files are behind."""

    identity_id: UUID
    order_id: str
    before: datetime | None
    after: datetime | None
    twin: bool
    new: bool


# Rows compare member by member: the newest event, the amendment where two have the same time, the larger sum then.
_UPSERT = """
    INSERT INTO purchase AS kept (
        identity_id, order_id, completed_at, amended_at, revenue, currency, revenue_at, revenue_step,
        cost, cost_at, cost_step, cancelled_at
    )
    SELECT * FROM unnest(
        $1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::numeric[], $6::text[], $7::timestamptz[],
        $8::smallint[], $9::numeric[], $10::timestamptz[], $11::smallint[], $12::timestamptz[]
    )
    ON CONFLICT (identity_id, order_id) DO UPDATE SET
        completed_at = LEAST(kept.completed_at, EXCLUDED.completed_at),
        amended_at = LEAST(kept.amended_at, EXCLUDED.amended_at),
        cancelled_at = LEAST(kept.cancelled_at, EXCLUDED.cancelled_at),
        (revenue, currency, revenue_at, revenue_step) = (
            SELECT each.revenue, each.currency, each.revenue_at, each.revenue_step
            FROM (VALUES
                (kept.revenue, kept.currency, kept.revenue_at, kept.revenue_step),
                (EXCLUDED.revenue, EXCLUDED.currency, EXCLUDED.revenue_at, EXCLUDED.revenue_step)
            ) AS each (revenue, currency, revenue_at, revenue_step)
            ORDER BY each.revenue_at DESC NULLS LAST, each.revenue_step DESC, each.revenue DESC,
                     each.currency COLLATE "C" DESC
            LIMIT 1
        ),
        (cost, cost_at, cost_step) = (
            SELECT each.cost, each.cost_at, each.cost_step
            FROM (VALUES
                (kept.cost, kept.cost_at, kept.cost_step), (EXCLUDED.cost, EXCLUDED.cost_at, EXCLUDED.cost_step)
            ) AS each (cost, cost_at, cost_step)
            ORDER BY each.cost_at DESC NULLS LAST, each.cost_step DESC, each.cost DESC
            LIMIT 1
        )
    RETURNING identity_id, order_id, old.ordered_at AS before, new.ordered_at AS after, new.twin,
              old.identity_id IS NULL AS new
"""
_REFUND = """
    INSERT INTO refund (identity_id, order_id, message_id, amount, refunded_at)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::numeric[], $5::timestamptz[])
    ON CONFLICT DO NOTHING
"""
_SUM_REFUNDS = """
    UPDATE purchase SET refunded = given.amount, refunded_whole = given.whole
    FROM (
        SELECT identity_id, order_id,
               LEAST(COALESCE(sum(amount), 0), 9999999999999999) AS amount, bool_or(amount IS NULL) AS whole
        FROM refund
        JOIN (SELECT DISTINCT * FROM unnest($1::uuid[], $2::text[]) AS u (identity_id, order_id)) AS touched
        USING (identity_id, order_id)
        GROUP BY identity_id, order_id
    ) AS given
    WHERE purchase.identity_id = given.identity_id AND purchase.order_id = given.order_id
"""
_MARK_TWINS = """
    UPDATE purchase SET twin = true
    WHERE order_id = ANY($1::text[]) AND NOT twin
      AND EXISTS (
          SELECT FROM purchase AS other
          WHERE other.order_id = purchase.order_id AND other.identity_id <> purchase.identity_id
      )
    RETURNING identity_id, order_id, ordered_at AS before, ordered_at AS after, true AS twin, false AS new
"""


async def merge_orders(connection: Connection, orders: Mapping[Key, Order]) -> list[Changed]:
    """Merge what is newly said of orders into what is known."""
    rows = [
        (
            identity_id,
            order_id,
            order.completed_at,
            order.amended_at,
            *((order.revenue.amount, order.revenue.currency, *order.revenue[:2]) if order.revenue else (None,) * 4),
            *((order.cost.amount, *order.cost[:2]) if order.cost else (None,) * 3),
            order.cancelled_at,
        )
        for (identity_id, order_id), order in orders.items()
    ]
    columns = zip(*rows, strict=True)
    return [Changed(*row) for row in await connection.fetch(_UPSERT, *map(list, columns))]


async def add_refunds(connection: Connection, refunds: Sequence[Report]) -> None:
    """Keep refunds, each message once, and sum them up on their orders."""
    identities, orders = [each.identity_id for each in refunds], [each.order_id for each in refunds]
    messages, amounts, times = (
        [each.message_id for each in refunds],
        [each.refund for each in refunds],
        [each.at for each in refunds],
    )
    await connection.execute(_REFUND, identities, orders, messages, amounts, times)
    await connection.execute(_SUM_REFUNDS, identities, orders)


async def mark_twins(connection: Connection, order_ids: Sequence[str]) -> list[Changed]:
    """Mark orders whose id another identity has too; those that were not marked before."""
    return [Changed(*row) for row in await connection.fetch(_MARK_TWINS, order_ids)]
