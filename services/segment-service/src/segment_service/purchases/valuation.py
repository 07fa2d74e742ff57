"""What an order is worth in the service's own currency, as SQL.

An order counts at the rate of its day (UTC): the newest rate of its currency that holds from that day or earlier. Its
refunds and its cost do too, each in the currency it was named in, so that giving everything back leaves nothing. An
order of which an amount has no rate is worth NULL: it counts as an order, not in sums of money.
"""

from typing import Final

# An order known under several identities of one profile is one order: its parts are put together as reports are.
JOINED: Final = """
    SELECT
        profile_id, order_id, array_agg(identity_id) AS identities,
        COALESCE(min(completed_at), min(amended_at)) AS ordered_at,
        bool_or(cancelled_at IS NOT NULL) AS cancelled,
        (array_agg(currency ORDER BY revenue_at DESC, revenue_step DESC, revenue DESC, currency COLLATE "C" DESC)
            FILTER (WHERE revenue IS NOT NULL))[1] AS currency,
        (array_agg(revenue ORDER BY revenue_at DESC, revenue_step DESC, revenue DESC)
            FILTER (WHERE revenue IS NOT NULL))[1] AS revenue,
        (array_agg(cost ORDER BY cost_at DESC, cost_step DESC, cost DESC, cost_currency COLLATE "C" DESC NULLS LAST)
            FILTER (WHERE cost IS NOT NULL))[1] AS cost,
        (array_agg(cost_currency ORDER BY cost_at DESC, cost_step DESC, cost DESC,
                                          cost_currency COLLATE "C" DESC NULLS LAST)
            FILTER (WHERE cost IS NOT NULL))[1] AS cost_currency,
        bool_or(refunded_whole) AS refunded_whole, bool_or(refunded <> 0 OR refunded_abroad) AS refunded_any
    FROM {line} WHERE twin GROUP BY profile_id, order_id
"""


def plain(source: str, key: str, own: str) -> str:
    """Orders of one identity: `key`, ordered_at, net and margin of the rows of `source`, a relation like `purchase`."""
    back = f"""
        CASE WHEN refunded_abroad THEN ({_refunds("refund.identity_id = line.identity_id", own)})
             ELSE refunded * rate END
    """
    return _valued(f"SELECT * FROM {source} WHERE NOT twin AND cancelled_at IS NULL", key, back, own)


def joined(source: str, own: str, key: str = "profile_id") -> str:
    """Orders of several identities of a profile: the same of the rows of `source`, a relation like `JOINED`."""
    refunds = _refunds("refund.identity_id = ANY(line.identities)", own)
    back = f"CASE WHEN refunded_any THEN ({refunds}) ELSE 0 END"
    return _valued(f"SELECT * FROM {source} WHERE NOT cancelled", key, back, own)


def _valued(source: str, key: str, back: str, own: str) -> str:
    return f"""
        SELECT {key}, ordered_at, net, net - round(cost * cost_rate, 2) AS margin
        FROM (
            SELECT {key}, ordered_at, cost, {_rate("cost_unit", "ordered_at", own)} AS cost_rate,
                   CASE WHEN rate IS NULL THEN NULL WHEN refunded_whole THEN 0 WHEN back IS NULL THEN NULL
                        ELSE round(worth - LEAST(back, GREATEST(worth, 0)), 2) END AS net
            FROM (
                SELECT *, COALESCE(cost_currency, unit) AS cost_unit, COALESCE(revenue, 0) * rate AS worth,
                       {back} AS back
                FROM (
                    SELECT *, {_rate("unit", "ordered_at", own)} AS rate
                    FROM (
                        SELECT *, COALESCE(currency, {own}) AS unit FROM ({source}) AS known
                        WHERE ordered_at IS NOT NULL
                    ) AS named
                ) AS line
            ) AS counted
        ) AS valued
    """


def _refunds(of_order: str, own: str) -> str:
    """All that was given back of the order `line`; NULL if some of it has no rate."""
    rate = _rate("COALESCE(refund.currency, line.unit)", "line.ordered_at", own)
    return f"""
        SELECT CASE WHEN bool_and(amount IS NULL OR rate IS NOT NULL) THEN COALESCE(sum(amount * rate), 0) END
        FROM (
            SELECT refund.amount, {rate} AS rate FROM refund WHERE {of_order} AND refund.order_id = line.order_id
        ) AS given
    """


def _rate(unit: str, at: str, own: str) -> str:
    return f"""
        CASE WHEN {unit} = {own} THEN 1 ELSE (
            SELECT rate.rate FROM rate
            WHERE rate.own = {own} AND rate.currency = {unit}
              AND rate.holds_from <= ({at} AT TIME ZONE 'UTC')::date
            ORDER BY rate.holds_from DESC LIMIT 1
        ) END
    """
