"""The statement that computes customers anew from their orders, contacts and identities."""

from segment_service.purchases.valuation import JOINED, joined, plain
from segment_service.service_costs.statements import COSTED, KNOWN

_CONTACTS = f"(SELECT * FROM member JOIN contact_month USING (identity_id) WHERE {KNOWN})"

# One statement for any number of profiles. Silences and gaps are seconds: intervals with days in them would depend on
# the session's time zone. $1 profiles, $2 change version, $3 currency, $4 now, $5 period in seconds; then the lifecycle
# rule: $6 new, $7 new order days, $8 at risk, $9 at risk gaps, $10 lapsed, $11 lapsed gaps, $12 lapsed at most,
# $13 won back (durations in seconds); then, null unless p_alive decides who is late, $14 r, $15 alpha, $16 a, $17 b of
# the model, and the odds against being alive of $18 those at risk, $19 the lapsed.


_LAPSED = "GREATEST($10, $11 * COALESCE({}, 0))"
_AT_RISK = "GREATEST($8, $9 * COALESCE(gap, 0))"


def _late(odds: str, purchases: str, span: str, by_gaps: str) -> str:
    """Seconds of silence after which a customer is late (`rules.Dropout.silence`, or by their gaps)."""
    return f"""
        CASE WHEN $14::float8 IS NULL OR {purchases} < 1 THEN {by_gaps}
             ELSE GREATEST($8, ($15::float8 + {span})
                      * power({odds}::float8 * ($17::float8 + {purchases} - 1) / $16::float8, 1 / ($14 + {purchases}))
                      - $15 - {span}) END
    """


def _computed(touched: str, until: str, until_day: str) -> str:
    """Everything about the customers `touched` that orders and contacts up to `until` say, as `standing`."""
    return f"""
WITH touched AS (
    {touched}
),
member AS (
    SELECT profile_id, identity_id FROM identity_map JOIN touched USING (profile_id)
),
line AS (
    SELECT member.profile_id, purchase.* FROM member JOIN purchase USING (identity_id)
),
joined AS ({JOINED.format(line="line")}),
bought AS (
    SELECT * FROM (
        {plain("line", "profile_id", "$3")}
        UNION ALL
        {joined("joined", "$3")}
    ) AS every
    WHERE ordered_at <= {until}
),
total AS (
    SELECT
        profile_id,
        count(*) AS orders,
        count(*) FILTER (WHERE net IS NULL) AS orders_elsewhere,
        COALESCE(sum(net), 0) AS revenue,
        CASE WHEN bool_and(margin IS NOT NULL) FILTER (WHERE net IS NOT NULL) THEN sum(margin) END AS profit,
        min(ordered_at) AS first_order_at,
        max(ordered_at) AS last_order_at,
        count(*) FILTER (WHERE ordered_at >= since) AS period_orders,
        COALESCE(sum(net) FILTER (WHERE ordered_at >= since), 0) AS period_revenue,
        min(ordered_at) FILTER (WHERE ordered_at >= since) AS leaves_next
    FROM bought, LATERAL (SELECT $4::timestamptz - make_interval(secs => $5) AS since) AS period
    GROUP BY profile_id
),
day AS (
    SELECT profile_id, min(ordered_at) AS day_at, max(ordered_at) AS day_end, sum(net) AS spent
    FROM bought GROUP BY profile_id, (ordered_at AT TIME ZONE 'UTC')::date
),
spaced AS (
    SELECT profile_id, day_at, number, spent,
           extract(epoch FROM day_at - before)::float8 AS silence,
           extract(epoch FROM before - first_at)::float8 AS span_before,
           extract(epoch FROM before - first_at)::float8 / NULLIF(number - 2, 0) AS gap_before
    FROM (
        SELECT profile_id, day_at, spent, row_number() OVER days AS number, lag(day_end) OVER days AS before,
               first_value(day_at) OVER days AS first_at
        FROM day WINDOW days AS (PARTITION BY profile_id ORDER BY day_at)
    ) AS ordered
),
cadence AS (
    SELECT profile_id, count(*) AS order_days, min(day_at) FILTER (WHERE number = $7) AS settled_at,
           count(*) FILTER (WHERE number > 1 AND spent > 0) AS repeat_days,
           COALESCE(sum(spent) FILTER (WHERE number > 1 AND spent > 0), 0) AS repeat_revenue,
           max(day_at) FILTER (
               WHERE silence >= LEAST({_late("$19", "(number - 2)", "span_before", _LAPSED.format("gap_before"))}, $12)
           ) AS returned_at
    FROM spaced GROUP BY profile_id
),
silence AS (
    SELECT profile_id, order_days, repeat_days, repeat_revenue, returned_at, first_order_at, last_order_at,
           LEAST(first_order_at + make_interval(secs => $6), settled_at) AS established_at,
           extract(epoch FROM last_order_at - first_order_at)::float8 AS span,
           extract(epoch FROM last_order_at - first_order_at)::float8 / NULLIF(order_days - 1, 0) AS gap
    FROM cadence JOIN total USING (profile_id)
),
milestone AS (
    SELECT
        profile_id, order_days, repeat_days, repeat_revenue, returned_at, established_at,
        returned_at + make_interval(secs => $13) AS won_back_until,
        GREATEST(
            established_at,
            last_order_at + make_interval(secs => LEAST({_late("$18", "(order_days - 1)", "span", _AT_RISK)}, lapses))
        ) AS at_risk_from,
        GREATEST(established_at, last_order_at + make_interval(secs => lapses)) AS lapsed_from
    FROM silence, LATERAL (
        SELECT LEAST({_late("$19", "(order_days - 1)", "span", _LAPSED.format("gap"))}, $12) AS lapses
    ) AS threshold
),
known AS (
    SELECT profile_id, min(contacted_at) FILTER (WHERE contacted_at <= {until}) AS contacted_at
    FROM member LEFT JOIN contact USING (identity_id),
    LATERAL (SELECT LEAST(contact.first_at, contact.consented_at) AS contacted_at) AS earliest
    GROUP BY profile_id
),
costed AS ({COSTED.format(key="profile_id", source=_CONTACTS)}),
served AS (
    SELECT profile_id, round(sum(cost), 2) AS cost FROM costed WHERE month <= {until_day} GROUP BY profile_id
),
standing AS (
    SELECT
        known.profile_id, known.contacted_at,
        COALESCE(total.orders, 0) AS orders, COALESCE(milestone.order_days, 0) AS order_days,
        COALESCE(milestone.repeat_days, 0) AS repeat_days, COALESCE(milestone.repeat_revenue, 0) AS repeat_revenue,
        COALESCE(total.orders_elsewhere, 0) AS orders_elsewhere, COALESCE(total.revenue, 0) AS revenue,
        CASE WHEN total.orders > 0 THEN total.profit - COALESCE(cost_to_serve, 0) ELSE -cost_to_serve END AS profit,
        cost_to_serve,
        total.first_order_at, total.last_order_at, COALESCE(total.period_orders, 0) AS period_orders,
        COALESCE(total.period_revenue, 0) AS period_revenue,
        milestone.established_at, milestone.returned_at, milestone.won_back_until, milestone.at_risk_from,
        milestone.lapsed_from,
        (SELECT min(at) FROM (VALUES
            (total.leaves_next + make_interval(secs => $5 + 0.000001)), (milestone.established_at),
            (milestone.won_back_until), (milestone.at_risk_from), (milestone.lapsed_from)
        ) AS moment (at) WHERE at > $4) AS due_at
    FROM known LEFT JOIN total USING (profile_id) LEFT JOIN milestone USING (profile_id)
    LEFT JOIN served USING (profile_id),
    LATERAL (SELECT CASE WHEN {KNOWN} THEN COALESCE(served.cost, 0) END AS cost_to_serve) AS after_service
)
"""


_SELECT = """
SELECT
    standing.profile_id, $2::bigint, orders, order_days, orders_elsewhere, revenue, profit, cost_to_serve,
    standing.first_order_at, standing.last_order_at, period_orders, period_revenue, contacted_at, established_at,
    returned_at, won_back_until, at_risk_from, lapsed_from,
    LEAST(due_at, (
        SELECT min(at) FROM (
            SELECT standing.last_order_at + make_interval(secs => day * 86400.0) AS at FROM unnest(rfm_days) AS day
        ) AS worse WHERE at > $4
    )), repeat_days, repeat_revenue,
    CASE
        WHEN orders = 0 THEN CASE WHEN contacted_at IS NULL THEN 'suspect' ELSE 'prospect' END
        WHEN period_orders = 0 THEN 'inactive'
        ELSE COALESCE((
            -- The first class whose last member is not ahead of this customer.
            SELECT bound.value_class
            FROM unnest(ranking.classes, ranking.sales, ranking.last_order_at, ranking.profile_id)
                WITH ORDINALITY AS bound (value_class, sales, last_order_at, profile_id, place)
            WHERE (period_revenue, standing.last_order_at) > (bound.sales, bound.last_order_at)
               OR (period_revenue, standing.last_order_at) = (bound.sales, bound.last_order_at)
                  AND standing.profile_id <= bound.profile_id
            ORDER BY bound.place LIMIT 1
        ), 'small')
    END,
    CASE WHEN orders > 0 AND cardinality(rfm_days) > 0
         THEN 1 + (SELECT count(*) FROM unnest(rfm_days) AS day
                   WHERE standing.last_order_at > $4 - make_interval(secs => day * 86400.0))
         WHEN orders > 0 AND cardinality(recency_bounds) > 0
         THEN 1 + (SELECT count(*) FROM unnest(recency_bounds) AS bound WHERE bound < standing.last_order_at) END,
    CASE WHEN orders > 0 AND cardinality(frequency_bounds) > 0
         THEN 1 + (SELECT count(*) FROM unnest(frequency_bounds) AS bound WHERE bound < orders) END,
    CASE WHEN orders > 0 AND cardinality(revenue_bounds) > 0
         THEN 1 + (SELECT count(*) FROM unnest(revenue_bounds) AS bound WHERE bound < revenue) END,
    CASE
        WHEN orders = 0 THEN 'prospect' WHEN lapsed_from <= $4 THEN 'lapsed' WHEN at_risk_from <= $4 THEN 'at_risk'
        WHEN won_back_until > $4 THEN 'won_back' WHEN established_at > $4 THEN 'new' ELSE 'established'
    END,
    CASE
        WHEN orders = 0 THEN contacted_at WHEN lapsed_from <= $4 THEN lapsed_from
        WHEN at_risk_from <= $4 THEN at_risk_from WHEN won_back_until > $4 THEN returned_at
        WHEN established_at > $4 THEN standing.first_order_at ELSE GREATEST(established_at, won_back_until)
    END
FROM standing CROSS JOIN ranking
"""
_TOUCHED = "SELECT DISTINCT unnest($1::uuid[]) AS profile_id"
_COLUMNS = """
    profile_id, version, orders, order_days, orders_elsewhere, revenue, profit, cost_to_serve, first_order_at,
    last_order_at, period_orders, period_revenue, contacted_at, established_at, returned_at, won_back_until,
    at_risk_from, lapsed_from, due_at, repeat_days, repeat_revenue, value_class, r, f, m, lifecycle, lifecycle_since
"""
TOUCH = f"""
{_computed(_TOUCHED, "'infinity'", "'infinity'")}
INSERT INTO customer AS kept ({_COLUMNS})
{_SELECT}
ON CONFLICT (profile_id) DO UPDATE SET
    version = EXCLUDED.version, orders = EXCLUDED.orders, order_days = EXCLUDED.order_days,
    orders_elsewhere = EXCLUDED.orders_elsewhere, revenue = EXCLUDED.revenue, profit = EXCLUDED.profit,
    cost_to_serve = EXCLUDED.cost_to_serve,
    first_order_at = EXCLUDED.first_order_at, last_order_at = EXCLUDED.last_order_at,
    period_orders = EXCLUDED.period_orders, period_revenue = EXCLUDED.period_revenue,
    contacted_at = EXCLUDED.contacted_at, established_at = EXCLUDED.established_at,
    returned_at = EXCLUDED.returned_at, won_back_until = EXCLUDED.won_back_until, at_risk_from = EXCLUDED.at_risk_from,
    lapsed_from = EXCLUDED.lapsed_from, due_at = EXCLUDED.due_at,
    repeat_days = EXCLUDED.repeat_days, repeat_revenue = EXCLUDED.repeat_revenue, value_class = EXCLUDED.value_class,
    r = EXCLUDED.r, f = EXCLUDED.f, m = EXCLUDED.m, lifecycle = EXCLUDED.lifecycle,
    lifecycle_since = EXCLUDED.lifecycle_since
RETURNING new.profile_id, new.value_class, new.lifecycle,
          (old.value_class, old.lifecycle) IS DISTINCT FROM (new.value_class, new.lifecycle) AS moved
"""
# The row of one customer as it would have been at $4, under the name of the table; $1 is the profile, and from $20 on
# come the bounds that a ranking at that time would have found.
AS_OF = f"""
{_computed("SELECT $1::uuid AS profile_id", "$4::timestamptz", "($4::timestamptz AT TIME ZONE 'UTC')::date")},
ranking AS (
    SELECT $20::text[] AS classes, $21::numeric[] AS sales, $22::timestamptz[] AS last_order_at,
           $23::uuid[] AS profile_id, $24::timestamptz[] AS recency_bounds, $25::bigint[] AS frequency_bounds,
           $26::numeric[] AS revenue_bounds, '{{}}'::integer[] AS rfm_days
),
customer ({_COLUMNS}) AS ({_SELECT}),
-- Lifetime value is what is expected from now on, which nobody knew then.
clv_score AS (SELECT * FROM clv_score WHERE false)
"""
