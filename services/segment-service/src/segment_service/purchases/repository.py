"""Every statement on orders and refunds."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from rapport.database import Connection

from segment_service.purchases.rules import Order, Report

Key = tuple[UUID, str]


class Changed(NamedTuple):
    """An order row that changed: the times before and after decide which column files are behind.

    `renamed`: its amount is in another currency now.
    """

    identity_id: UUID
    order_id: str
    before: datetime | None
    after: datetime | None
    twin: bool
    new: bool
    renamed: bool


# Rows compare member by member: the newest event, the amendment where two have the same time, the larger sum then.
_UPSERT = """
    INSERT INTO purchase AS kept (
        identity_id, order_id, completed_at, amended_at, revenue, currency, revenue_at, revenue_step,
        cost, cost_currency, cost_at, cost_step, cancelled_at
    )
    SELECT * FROM unnest(
        $1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::numeric[], $6::text[], $7::timestamptz[],
        $8::smallint[], $9::numeric[], $10::text[], $11::timestamptz[], $12::smallint[], $13::timestamptz[]
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
        (cost, cost_currency, cost_at, cost_step) = (
            SELECT each.cost, each.cost_currency, each.cost_at, each.cost_step
            FROM (VALUES
                (kept.cost, kept.cost_currency, kept.cost_at, kept.cost_step),
                (EXCLUDED.cost, EXCLUDED.cost_currency, EXCLUDED.cost_at, EXCLUDED.cost_step)
            ) AS each (cost, cost_currency, cost_at, cost_step)
            ORDER BY each.cost_at DESC NULLS LAST, each.cost_step DESC, each.cost DESC,
                     each.cost_currency COLLATE "C" DESC NULLS LAST
            LIMIT 1
        )
    RETURNING identity_id, order_id, old.ordered_at AS before, new.ordered_at AS after, new.twin,
              old.identity_id IS NULL AS new,
              old.identity_id IS NOT NULL AND old.currency IS DISTINCT FROM new.currency AS renamed
"""
_REFUND = """
    INSERT INTO refund (identity_id, order_id, message_id, amount, currency, refunded_at)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::numeric[], $5::text[], $6::timestamptz[])
    ON CONFLICT DO NOTHING
"""
_SUM_REFUNDS = """
    UPDATE purchase SET refunded = given.amount, refunded_whole = given.whole, refunded_abroad = given.abroad
    FROM (
        SELECT identity_id, order_id,
               LEAST(COALESCE(sum(amount) FILTER (WHERE NOT abroad), 0), 9999999999999999) AS amount,
               bool_or(amount IS NULL) AS whole, bool_or(abroad AND amount IS NOT NULL) AS abroad
        FROM (
            SELECT identity_id, order_id, refund.amount,
                   refund.currency IS NOT NULL AND refund.currency IS DISTINCT FROM purchase.currency AS abroad
            FROM refund JOIN purchase USING (identity_id, order_id)
            JOIN (SELECT DISTINCT * FROM unnest($1::uuid[], $2::text[]) AS u (identity_id, order_id)) AS touched
            USING (identity_id, order_id)
        ) AS each
        GROUP BY identity_id, order_id
    ) AS given
    WHERE purchase.identity_id = given.identity_id AND purchase.order_id = given.order_id
"""
_CURRENCIES = """
    INSERT INTO identity_currency (currency, identity_id) SELECT * FROM unnest($1::text[], $2::uuid[])
    ON CONFLICT DO NOTHING
"""
_MARK_TWINS = """
    UPDATE purchase SET twin = true
    WHERE order_id = ANY($1::text[]) AND NOT twin
      AND EXISTS (
          SELECT FROM purchase AS other
          WHERE other.order_id = purchase.order_id AND other.identity_id <> purchase.identity_id
      )
    RETURNING identity_id, order_id, ordered_at AS before, ordered_at AS after, true AS twin, false AS new,
              false AS renamed
"""

_HAVE_TWINS = "SELECT EXISTS (SELECT FROM purchase WHERE identity_id = ANY($1::uuid[]) AND twin)"


async def merge_orders(connection: Connection, orders: Mapping[Key, Order]) -> list[Changed]:
    """Merge what is newly said of orders into what is known."""
    rows = [
        (
            identity_id,
            order_id,
            order.completed_at,
            order.amended_at,
            *((order.revenue.amount, order.revenue.currency, *order.revenue[:2]) if order.revenue else (None,) * 4),
            *((order.cost.amount, order.cost.currency or None, *order.cost[:2]) if order.cost else (None,) * 4),
            order.cancelled_at,
        )
        for (identity_id, order_id), order in orders.items()
    ]
    columns = zip(*rows, strict=True)
    return [Changed(*row) for row in await connection.fetch(_UPSERT, *map(list, columns))]


async def add_refunds(connection: Connection, refunds: Sequence[Report]) -> None:
    """Keep refunds, each message once."""
    await connection.execute(
        _REFUND,
        [each.identity_id for each in refunds],
        [each.order_id for each in refunds],
        [each.message_id for each in refunds],
        [each.refund for each in refunds],
        [each.currency or None for each in refunds],
        [each.at for each in refunds],
    )


async def sum_refunds(connection: Connection, orders: Collection[Key]) -> None:
    """Sum refunds up on their orders: those in the order's own currency, and whether there are others."""
    identities, order_ids = zip(*sorted(orders), strict=True)
    await connection.execute(_SUM_REFUNDS, identities, order_ids)


async def add_currencies(connection: Connection, named: Collection[tuple[str, UUID]]) -> None:
    """Remember whose amounts are in which currency, for the day its rate is corrected."""
    currencies, identities = zip(*sorted(named), strict=True)
    await connection.execute(_CURRENCIES, currencies, identities)


async def mark_twins(connection: Connection, order_ids: Sequence[str]) -> list[Changed]:
    """Mark orders whose id another identity has too; those that were not marked before."""
    return [Changed(*row) for row in await connection.fetch(_MARK_TWINS, order_ids)]


async def have_twins(connection: Connection, identities: Sequence[UUID]) -> bool:
    """Whether some order of these identities may be one with an order of another identity."""
    return bool(await connection.fetchval(_HAVE_TWINS, identities))
