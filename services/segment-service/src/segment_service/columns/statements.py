"""Statements over the column files: customers, their ranks and scores."""

from typing import Any, Final

from segment_service.columns.store import Files

_NO_PURCHASES: Final = (
    "(SELECT NULL::UUID AS identity_id, NULL::TIMESTAMP AS ordered_at, NULL::DECIMAL(18,2) AS net, "
    "NULL::DECIMAL(18,2) AS margin WHERE false)"
)
_NO_IDENTITIES: Final = (
    "(SELECT NULL::UUID AS identity_id, NULL::UUID AS profile_id, NULL::TIMESTAMP AS contacted_at WHERE false)"
)

# Orders are summed by identity before the map is applied: a million rows to join instead of twenty.
_CUSTOMERS: Final = """
CREATE TEMP TABLE customer AS
WITH bought AS (
    SELECT identity_id, {sums} FROM {purchases} WHERE ordered_at <= $as_of GROUP BY identity_id
),
every AS (
    SELECT profile_id, bought.* EXCLUDE (identity_id) FROM bought JOIN {identities} AS identity USING (identity_id)
    {twins} {service}
)
SELECT
    profile_id, max(last_order_at) AS last_order_at, sum(orders)::BIGINT AS orders,
    coalesce(sum(revenue), 0) AS revenue, sum(period_orders)::BIGINT AS period_orders,
    coalesce(sum(period_revenue), 0) AS period_revenue, {profit} AS period_profit,
    sum(period_costless)::BIGINT AS period_costless, sum(period_elsewhere)::BIGINT AS period_elsewhere,
    {cost} AS period_cost
FROM every GROUP BY profile_id
"""
_SUMS: Final = """
    max(ordered_at) AS last_order_at, count(*) AS orders, sum(net) AS revenue,
    count(*) FILTER (WHERE ordered_at >= $from) AS period_orders,
    sum(net) FILTER (WHERE ordered_at >= $from) AS period_revenue,
    sum(margin) FILTER (WHERE ordered_at >= $from) AS period_profit,
    count(*) FILTER (WHERE ordered_at >= $from AND net IS NOT NULL AND margin IS NULL) AS period_costless,
    count(*) FILTER (WHERE ordered_at >= $from AND net IS NULL) AS period_elsewhere
"""
# Contacts of the months that begin in the period; their cost keeps four decimals until it is summed up.
_SERVICE: Final = """
    UNION ALL BY NAME
    SELECT profile_id, 0 AS orders, 0 AS period_orders, 0 AS period_costless, 0 AS period_elsewhere, period_cost
    FROM (
        SELECT identity_id, sum(cost) AS period_cost FROM read_parquet($service)
        WHERE month >= $from AND month <= $as_of GROUP BY identity_id
    ) AS served JOIN {identities} AS identity USING (identity_id)
"""
_EARNED: Final = "coalesce(sum(period_profit), 0)"
_COST: Final = "round(coalesce(sum(period_cost), 0), 2)::DECIMAL(38,2)"
# Orders known under several identities come summed up by profile.
_TWINS: Final = """
    UNION ALL
    SELECT profile_id, {sums} FROM read_parquet($twins) WHERE ordered_at <= $as_of GROUP BY profile_id
"""
_RANKED: Final = """
CREATE TEMP TABLE ranked AS
SELECT profile_id, last_order_at, sales, period_revenue, period_profit, period_costless, period_elsewhere, period_cost,
    place,
    CASE WHEN {top} THEN 'top' WHEN {large} THEN 'large' WHEN {medium} THEN 'medium' ELSE 'small' END AS value_class
FROM (
    SELECT *, row_number() OVER best_first AS place {running}
    FROM (SELECT *, {basis} AS sales FROM customer WHERE period_orders > 0) AS customer
    WINDOW best_first AS (ORDER BY sales DESC, last_order_at DESC, profile_id)
) AS placed, (
    SELECT count(*) AS active, coalesce(sum({basis}) FILTER (WHERE {basis} > 0), 0) AS positive
    FROM customer WHERE period_orders > 0
) AS size
"""
# By customers, ranks up to the ceiling belong to a class; by sales, whoever has less than the share ahead of them.
_BY_CUSTOMERS: Final = "place <= (active * ${name} + 999999) // 1000000"
_BY_SALES: Final = "(running - greatest(sales, 0)) * 1000000 < positive * ${name}"
_RUNNING: Final = """
    , sum(greatest(sales, 0)) OVER (best_first ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS running
"""
# Everybody who is known, with or without orders.
_PLACED: Final = """
CREATE TEMP TABLE {name} AS
SELECT
    profile_id, place, last_order_at, coalesce(orders, 0) AS orders, coalesce(period_orders, 0) AS period_orders,
    coalesce(customer.period_revenue, 0) AS period_revenue, coalesce(customer.period_profit, 0) AS period_profit,
    coalesce(customer.period_costless, 0) AS period_costless, coalesce(customer.period_cost, 0) AS period_cost,
    coalesce(customer.period_elsewhere, 0) AS period_elsewhere,
    CASE WHEN orders > 0 THEN coalesce(value_class, 'inactive') WHEN contacted_at <= $as_of THEN 'prospect'
         ELSE 'suspect' END AS value_class
FROM (
    SELECT profile_id, min(contacted_at) AS contacted_at FROM {identities} AS identity GROUP BY profile_id
) AS known
LEFT JOIN customer USING (profile_id)
LEFT JOIN (SELECT profile_id, place, value_class FROM ranked) AS active USING (profile_id)
"""
# Of whom the cost of some order is not known, nobody can say so.
_BELOW_ZERO: Final = "period_profit < 0 AND period_costless = 0"
CLASSES: Final = f"""
SELECT value_class, count(*), sum(period_revenue), sum(period_profit), sum(period_costless), sum(period_elsewhere),
       count(*) FILTER (WHERE {_BELOW_ZERO}), coalesce(sum(period_profit) FILTER (WHERE {_BELOW_ZERO}), 0),
       sum(period_cost)
FROM placed GROUP BY value_class
"""
# Best first, or the largest loss first; a page begins behind the key of the one before.
_LISTED: Final = """
CREATE TEMP TABLE listed AS
SELECT *, {amount} AS amount, -coalesce(epoch_us(last_order_at), 0) AS age
FROM placed WHERE list_contains($classes, value_class) AND (orders > 0 OR period_cost > 0) {below}
"""
LISTED_SIZE: Final = """
SELECT count(*), coalesce(sum(period_revenue), 0), coalesce(sum(period_profit), 0) FROM listed
"""
_LISTED_PAGE: Final = """
SELECT profile_id, value_class, place, period_orders, period_revenue, period_profit, period_cost, last_order_at,
       amount, age
FROM listed {behind} ORDER BY amount, age, profile_id LIMIT $limit
"""
MOVED: Final = """
CREATE TEMP TABLE moved AS
SELECT profile_id, before.value_class AS from_class, after.value_class AS to_class,
       before.period_revenue AS sales_from, after.period_revenue AS sales_to,
       before.period_profit AS profit_from, after.period_profit AS profit_to
FROM class_before AS before JOIN class_after AS after USING (profile_id)
"""
MATRIX: Final = """
SELECT from_class, to_class, count(*), sum(sales_from), sum(sales_to), sum(profit_from), sum(profit_to)
FROM moved GROUP BY from_class, to_class
"""
# Who bought most in both periods comes first.
_MOVERS: Final = """
SELECT profile_id, from_class, to_class, sales_from, sales_to, profit_from, profit_to,
       -(sales_from + sales_to) AS amount
FROM moved
WHERE from_class = coalesce($from_class::VARCHAR, from_class) AND to_class = coalesce($to_class::VARCHAR, to_class)
      {behind}
ORDER BY amount, profile_id LIMIT $limit
"""
_MOVERS_BEHIND: Final = "AND (-(sales_from + sales_to), profile_id) > ($amount::DECIMAL(38,2), $profile_id::UUID)"
_BEHIND: Final = """
WHERE (amount, age, profile_id) > ($amount::DECIMAL(38,2), $age::BIGINT, $profile_id::UUID)
"""
LAST_OF_CLASS: Final = """
SELECT value_class, sales, last_order_at, profile_id FROM ranked
WHERE place IN (SELECT max(place) FROM ranked WHERE value_class <> 'small' GROUP BY value_class) ORDER BY place
"""
QUINTILES: Final = """
SELECT count(*), quantile_disc(last_order_at, [0.2, 0.4, 0.6, 0.8]), quantile_disc(orders, [0.2, 0.4, 0.6, 0.8]),
       quantile_disc(revenue, [0.2, 0.4, 0.6, 0.8])
FROM customer WHERE orders > 0
"""
SCORES: Final = """
COPY (
    SELECT customer.profile_id, coalesce(ranked.value_class, 'inactive'), {scores}
    FROM customer LEFT JOIN ranked USING (profile_id) WHERE orders > 0
) TO '{target}' (FORMAT csv, HEADER false)
"""


def customers(files: Files) -> str:
    """Makes the table `customer`: one row for each profile with orders up to `$as_of`; the period begins at `$from`."""
    identities = _identities(files)
    twins = _TWINS.format(sums=_SUMS) if files.twins else ""
    purchases = "read_parquet($purchases)" if files.purchases else _NO_PURCHASES
    served = _SERVICE.format(identities=identities) if files.service else ""
    earned, cost = (f"{_EARNED} - {_COST}", _COST) if files.service else (_EARNED, "0::DECIMAL(38,2)")
    return _CUSTOMERS.format(
        sums=_SUMS, purchases=purchases, identities=identities, twins=twins, service=served, profit=earned, cost=cost
    )


def orders(files: Files) -> str:
    """A query for every order of every profile: `profile_id`, `ordered_at`, `net` and `margin`, null where unknown."""
    purchases = "read_parquet($purchases)" if files.purchases else _NO_PURCHASES
    twins = "UNION ALL SELECT profile_id, ordered_at, net, margin FROM read_parquet($twins)" if files.twins else ""
    return (
        f"SELECT profile_id, ordered_at, net, margin FROM {purchases} AS purchase "
        f"JOIN {_identities(files)} AS identity USING (identity_id) {twins}"
    )


def ranked(basis: str, by: str) -> str:
    """Makes the table `ranked` of active customers: place 1 is best by `basis`, then newer last order, then id."""
    cut, running = (_BY_SALES, _RUNNING) if by == "sales" else (_BY_CUSTOMERS, "")
    names = {name: cut.format(name=name) for name in ("top", "large", "medium")}
    return _RANKED.format(basis=_sales(basis), running=running, **names)


def listed(basis: str, *, below_zero: bool) -> str:
    """Makes the table `listed` of the customers of `$classes`, those with a loss alone if `below_zero`.

    Who never ordered is there if contacts with them cost something.
    """
    amount = "period_profit" if below_zero else f"-{_sales(basis)}"
    return _LISTED.format(amount=amount, below=f"AND {_BELOW_ZERO}" if below_zero else "")


def listed_page(*, behind: bool) -> str:
    """A page of `listed`, from the start or `behind` the key `$amount`, `$age`, `$profile_id`."""
    return _LISTED_PAGE.format(behind=_BEHIND if behind else "")


def placed(files: Files, name: str = "placed") -> str:
    """Makes the table `name` of everybody; who never ordered is a prospect if in touch up to `$as_of`."""
    return _PLACED.format(name=name, identities=_identities(files))


def movers(*, behind: bool) -> str:
    """Customers who went from `$from_class` to `$to_class`, from the start or behind `$amount`, `$profile_id`."""
    return _MOVERS.format(behind=_MOVERS_BEHIND if behind else "")


def scores(bounds: tuple[list[Any], list[Any], list[Any]], target: str) -> str:
    """Writes class and scores of each customer to a CSV file; a score is 1 and the bounds below the value."""
    columns = zip(("last_order_at", "orders", "revenue"), ("recency", "frequency", "revenue"), bounds, strict=True)
    terms = (
        " + ".join(["1", *(f"(customer.{column} > ${name}_{index})::TINYINT" for index in range(len(values)))])
        for column, name, values in columns
    )
    return SCORES.format(scores=", ".join(terms), target=target.replace("'", "''"))


def _sales(basis: str) -> str:
    return "period_profit" if basis == "profit" else "period_revenue"


def _identities(files: Files) -> str:
    return "read_parquet($identities)" if files.identities else _NO_IDENTITIES
