"""What is known of each customer as one wide table of numbers and words, built from the relations in DuckDB."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from duckdb import DuckDBPyConnection

ORDER: Final = "Order Completed"

_MOST_CATEGORIES: Final = 12
_MOST_CHANNELS: Final = 6
_MOST_EVENTS: Final = 10
_MOST_TRAITS: Final = 30
_MOST_WORDS: Final = 50
# Who somebody is, or where exactly they live, says nothing about others like them.
_IDENTIFYING: Final = (
    "given_name",
    "family_name",
    "display_name",
    "email",
    "phone",
    "birth_date",
    "address.street",
    "address.postcode",
)
_BUYING: Final = """
SELECT
    profile_id,
    (epoch($now) - epoch(last_order_at)) / 86400 AS recency_days,
    (epoch($now) - epoch(first_order_at)) / 86400 AS tenure_days,
    orders::DOUBLE AS orders,
    revenue::DOUBLE AS revenue,
    (revenue / nullif(orders - orders_elsewhere, 0))::DOUBLE AS aov,
    period_orders::DOUBLE AS period_orders,
    period_revenue::DOUBLE AS period_revenue,
    (profit / nullif(revenue, 0))::DOUBLE AS margin,
    timing.gap_days, timing.irregularity, timing.weekend, basket.items, basket.categories
FROM customer
LEFT JOIN (
    SELECT
        profile_id,
        avg(gap) AS gap_days,
        CASE WHEN count(gap) > 1 THEN stddev_pop(gap) / nullif(avg(gap), 0) END AS irregularity,
        avg((dayofweek(day) IN (0, 6))::INTEGER) AS weekend
    FROM (
        SELECT profile_id, day, (day - lag(day) OVER (PARTITION BY profile_id ORDER BY day))::DOUBLE AS gap
        FROM (
            SELECT DISTINCT profile_id, occurred_at::DATE AS day FROM event
            WHERE name = $order AND occurred_at <= $now
        ) AS days
    ) AS spaced
    GROUP BY profile_id
) AS timing USING (profile_id)
LEFT JOIN (
    SELECT
        profile_id,
        sum(number) FILTER (WHERE path = 'products.quantity')::DOUBLE
            / nullif(count(DISTINCT event_id) FILTER (WHERE path = 'products.quantity'), 0) AS items,
        count(DISTINCT text) FILTER (WHERE path = 'products.category')::DOUBLE AS categories
    FROM event_value
    WHERE name = $order AND path IN ('products.quantity', 'products.category') AND occurred_at <= $now
    GROUP BY profile_id
) AS basket USING (profile_id)
"""
_CATEGORY: Final = """
SELECT profile_id, text AS word, count(*)::DOUBLE AS times FROM event_value
WHERE name = $order AND path = 'products.category' AND text IS NOT NULL AND occurred_at <= $now
GROUP BY profile_id, text
"""
_CHANNEL: Final = """
SELECT profile_id, channel AS word, count(*)::DOUBLE AS times FROM event
WHERE channel IS NOT NULL AND occurred_at <= $now
GROUP BY profile_id, channel
"""
_EVENT: Final = """
SELECT profile_id, name AS word, count(*)::DOUBLE AS times FROM event
WHERE name NOT LIKE 'Order %' AND occurred_at > $now - INTERVAL 365 DAY AND occurred_at <= $now
GROUP BY profile_id, name
"""
_AGES: Final = """
SELECT profile_id, max((epoch($now) - epoch("at")) / 31556952) AS age FROM trait
WHERE key = 'birth_date' AND "at" IS NOT NULL GROUP BY profile_id
"""
# Only what some share of customers has, in few different words, can tell one customer from many others.
_TRAIT_KEYS: Final = f"""
SELECT key, count(number) > count(text) AS numeric FROM trait
WHERE key NOT IN (SELECT unnest($identifying))
GROUP BY key
HAVING count(DISTINCT profile_id) >= 20 AND count(DISTINCT profile_id) = count(*)
   AND (count(number) > count(text) OR count(DISTINCT coalesce(text, flag::VARCHAR)) BETWEEN 2 AND {_MOST_WORDS})
ORDER BY count(*) DESC, key LIMIT {_MOST_TRAITS}
"""


def build(
    duck: DuckDBPyConnection, now: datetime, *, among: str, traits: bool, events: bool, left_out: Collection[str] = ()
) -> list[str]:
    """Make the table `features`: a row for each profile of the query `among`; the columns besides `profile_id`.

    Columns named in `left_out` (`trait:country`, `event:Email Opened`, `revenue`) are not made.
    """
    arguments = {"now": now, "order": ORDER}
    duck.execute(f"CREATE TEMP TABLE bought AS {_BUYING}", arguments)
    parts = [
        _shares(duck, "category", _CATEGORY, _MOST_CATEGORIES, arguments, left_out),
        _shares(duck, "channel", _CHANNEL, _MOST_CHANNELS, {"now": now}, left_out),
    ]
    if events:
        parts.append(_counts(duck, "event", _EVENT, _MOST_EVENTS, {"now": now}, left_out))
    if traits:
        parts.append(_traits(duck, left_out))
        duck.execute(f"CREATE TEMP TABLE aged AS {_AGES}", {"now": now})
        parts.append(("aged", ["age"]))
    bought = [row[0] for row in duck.execute("DESCRIBE bought").fetchall()][1:]
    chosen = {"bought": bought, **dict(parts)}
    columns = [(table, name) for table, names in chosen.items() for name in names if name not in left_out]
    listed = ", ".join(f"{table}.{quoted(name)}" for table, name in columns)
    joins = " ".join(f"LEFT JOIN {table} USING (profile_id)" for table in chosen)
    duck.execute(
        f"CREATE TEMP TABLE features AS SELECT profile_id, {listed or '0 AS nothing'} "
        f"FROM ({among}) AS among {joins} ORDER BY profile_id"
    )
    return [name for _, name in columns]


def quoted(name: str) -> str:
    """An identifier, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("'", "''") + "'"


def _shares(
    duck: DuckDBPyConnection, kind: str, query: str, most: int, arguments: dict[str, object], left_out: Collection[str]
) -> tuple[str, list[str]]:
    """A table with the share of each of the commonest words in what a customer has of the kind."""
    words = _commonest(duck, kind, query, most, arguments)
    columns = ", ".join(
        f"sum(times) FILTER (WHERE word = {literal(word)}) / sum(times) AS {quoted(f'{kind}:{word}')}" for word in words
    )
    return _table(duck, kind, [f"{kind}:{word}" for word in words], columns, left_out, empty="0")


def _counts(
    duck: DuckDBPyConnection, kind: str, query: str, most: int, arguments: dict[str, object], left_out: Collection[str]
) -> tuple[str, list[str]]:
    words = [
        word
        for word in _commonest(duck, kind, query, most + len(left_out), arguments)
        if f"{kind}:{word}" not in left_out
    ]
    columns = ", ".join(
        f"sum(times) FILTER (WHERE word = {literal(word)}) AS {quoted(f'{kind}:{word}')}" for word in words[:most]
    )
    return _table(duck, kind, [f"{kind}:{word}" for word in words[:most]], columns, left_out, empty="0")


def _commonest(
    duck: DuckDBPyConnection, kind: str, query: str, most: int, arguments: dict[str, object]
) -> Sequence[str]:
    duck.execute(f"CREATE TEMP TABLE {kind}_times AS {query}", arguments)
    rows = duck.execute(
        f"SELECT word FROM {kind}_times GROUP BY word HAVING count(*) >= 20 ORDER BY count(*) DESC, word LIMIT {most}"
    )
    return [row[0] for row in rows.fetchall()]


def _table(
    duck: DuckDBPyConnection, kind: str, names: list[str], columns: str, left_out: Collection[str], *, empty: str
) -> tuple[str, list[str]]:
    duck.execute(
        f"CREATE TEMP TABLE {kind}_columns AS SELECT profile_id, {columns or empty} FROM {kind}_times GROUP BY 1"
    )
    if names:
        filled = ", ".join(f"coalesce({quoted(name)}, 0) AS {quoted(name)}" for name in names)
        duck.execute(f"CREATE OR REPLACE TEMP TABLE {kind}_columns AS SELECT profile_id, {filled} FROM {kind}_columns")
    return f"{kind}_columns", [name for name in names if name not in left_out]


def _traits(duck: DuckDBPyConnection, left_out: Collection[str]) -> tuple[str, list[str]]:
    rows = duck.execute(_TRAIT_KEYS, {"identifying": list(_IDENTIFYING)}).fetchall()
    kept = [(key, numeric) for key, numeric in rows if f"trait:{key}" not in left_out]
    columns = ", ".join(
        f"max({'number::DOUBLE' if numeric else 'coalesce(text, flag::VARCHAR)'}) FILTER (WHERE key = {literal(key)}) "
        f"AS {quoted(f'trait:{key}')}"
        for key, numeric in kept
    )
    duck.execute(f"CREATE TEMP TABLE trait_columns AS SELECT profile_id, {columns or '0'} FROM trait GROUP BY 1")
    return "trait_columns", [f"trait:{key}" for key, _ in kept]
