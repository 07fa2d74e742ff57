"""What was observed, for each arm in one statement."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from rapport.database import Connection

_CAMPAIGN = """
    SELECT campaign_id, name, state, goal, control_share, variants, currency, cost_per_contact, margin,
        launched_at, prepared_at, now() AS now
    FROM campaign WHERE campaign_id = $1
"""
# Everything is read through the identity map of this moment, so that an order counts under whichever identity it
# came and for whoever that is today; where two of the recipients have become one customer, it counts for one of them.
_PEOPLE = """
    WITH person AS (
        SELECT r.profile_id, r.identity_id, r.arm, r.assigned_at, r.assigned_at + $2 * interval '1 day' AS until,
            coalesce(m.profile_id, r.identity_id) AS who
        FROM recipient r LEFT JOIN identity_map m USING (identity_id)
        WHERE r.campaign_id = $1 AND r.included),
    span AS MATERIALIZED (SELECT min(assigned_at) AS start, max(until) AS stop FROM person),
    net AS (
        SELECT p.order_id, p.identity_id, p.ordered_at, coalesce(m.profile_id, p.identity_id) AS who,
            coalesce(p.currency, $3) = $3 AS known_currency,
            greatest(0, coalesce(p.amount, 0) - coalesce(back.amount, 0)) AS amount,
            coalesce(back.amount >= coalesce(p.amount, 0), false) AS undone
        FROM span JOIN purchase p ON p.ordered_at >= span.start AND p.ordered_at < span.stop
            LEFT JOIN identity_map m USING (identity_id)
            LEFT JOIN LATERAL (
                SELECT CASE WHEN bool_or(f.amount IS NULL) THEN 'Infinity'::numeric ELSE sum(f.amount) END AS amount
                FROM refund f WHERE f.order_id = p.order_id HAVING count(*) > 0) back ON true
        WHERE p.cancelled_at IS NULL),
    bought AS (
        SELECT DISTINCT ON (n.order_id) n.order_id, person.profile_id, n.known_currency,
            CASE WHEN n.known_currency THEN n.amount ELSE 0 END AS amount
        FROM net n JOIN person USING (who)
        WHERE NOT n.undone AND n.ordered_at >= person.assigned_at AND n.ordered_at < person.until
        ORDER BY n.order_id, person.identity_id = n.identity_id DESC, person.profile_id),
    spent AS (
        SELECT profile_id, sum(amount) AS amount, count(*) AS orders,
            count(*) FILTER (WHERE NOT known_currency) AS foreign_orders
        FROM bought GROUP BY profile_id),
    answered AS (
        SELECT DISTINCT person.profile_id
        FROM (SELECT a.identity_id, a.occurred_at, coalesce(m.profile_id, a.identity_id) AS who
              FROM response a LEFT JOIN identity_map m USING (identity_id) WHERE a.campaign_id = $1) a
            JOIN person USING (who)
        WHERE a.occurred_at >= person.assigned_at AND a.occurred_at < person.until),
    reached AS (
        SELECT profile_id FROM spent WHERE $4 = 'Order Completed'
        UNION
        SELECT person.profile_id
        FROM (SELECT g.occurred_at, coalesce(m.profile_id, g.identity_id) AS who
              FROM span JOIN goal_event g ON g.name = $4 AND g.occurred_at >= span.start AND g.occurred_at < span.stop
                  LEFT JOIN identity_map m USING (identity_id)) g
            JOIN person USING (who)
        WHERE g.occurred_at >= person.assigned_at AND g.occurred_at < person.until),
    counted AS (
        SELECT person.arm, s.state, a.profile_id IS NOT NULL AS responded, g.profile_id IS NOT NULL AS converted,
            coalesce(spent.amount, 0) AS revenue, coalesce(spent.foreign_orders, 0) AS foreign_orders,
            (coalesce(s.state IN ('sent', 'unknown'), false))::int AS contacts
        FROM person
            LEFT JOIN send s ON s.campaign_id = $1 AND s.profile_id = person.profile_id
            LEFT JOIN answered a ON a.profile_id = person.profile_id
            LEFT JOIN reached g ON g.profile_id = person.profile_id
            LEFT JOIN spent ON spent.profile_id = person.profile_id),
    earned AS (SELECT *, revenue * $5::numeric - contacts * $6::numeric AS profit FROM counted)
    SELECT arm, count(*) AS people, count(*) FILTER (WHERE state = 'sent') AS sent,
        count(*) FILTER (WHERE state = 'unknown') AS unknown,
        count(*) FILTER (WHERE state IN ('pending', 'leased', 'sending')) AS waiting,
        count(*) FILTER (WHERE responded) AS responded, count(*) FILTER (WHERE converted) AS converted,
        sum(contacts) AS contacts, sum(foreign_orders) AS foreign_orders,
        sum(revenue) AS revenue, sum(revenue * revenue) AS revenue_squares,
        sum(profit) AS profit, sum(profit * profit) AS profit_squares
    FROM earned GROUP BY arm
"""
_MERGED = """
    SELECT count(*) FROM (
        SELECT m.profile_id FROM recipient r JOIN identity_map m USING (identity_id)
        WHERE r.campaign_id = $1 AND r.included GROUP BY m.profile_id HAVING count(DISTINCT r.arm) > 1) both_arms
"""


class Observed(NamedTuple):
    """Sums over the people of one arm; money in the campaign's currency."""

    arm: str
    people: int
    sent: int
    unknown: int
    waiting: int
    responded: int
    converted: int
    contacts: int
    foreign_orders: int
    revenue: Decimal
    revenue_squares: Decimal
    profit: Decimal
    profit_squares: Decimal


async def campaign(connection: Connection, campaign_id: UUID) -> Mapping[str, Any] | None:
    """What the report needs of the campaign."""
    row = await connection.fetchrow(_CAMPAIGN, campaign_id)
    if row is None:
        return None
    return {**row, **{key: msgspec.json.decode(row[key]) for key in ("goal", "variants")}}


async def observed(connection: Connection, found: Mapping[str, Any]) -> dict[str, Observed]:
    """What was observed, by arm."""
    rows = await connection.fetch(
        _PEOPLE,
        found["campaign_id"],
        found["goal"]["window_days"],
        found["currency"],
        found["goal"]["event"],
        Decimal(str(found["margin"] or 0)),
        found["cost_per_contact"] or Decimal(0),
    )
    return {row["arm"]: Observed(**dict(row)) for row in rows}


async def merged_across_arms(connection: Connection, campaign_id: UUID) -> int:
    """How many customers turned out to be in two arms, because they were two customers at the launch."""
    number: int = await connection.fetchval(_MERGED, campaign_id)
    return number
