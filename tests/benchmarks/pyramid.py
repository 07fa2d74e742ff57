"""Pyramid and RFM of a million customers with twenty million orders against the same statement in bare DuckDB."""

import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
from segment_service.columns.engine import Engine
from segment_service.columns.ranking import Question, rank_everybody
from segment_service.columns.store import Files
from segment_service.pyramid.rules import Cutoffs

from tests.benchmarks.table import Row, of_rounds

_CUSTOMERS, _ORDERS, _MONTHS, _ROUNDS = 1_000_000, 20_000_000, 24, 5
_UUID = "md5(({})::VARCHAR)::UUID"
_BARE = """
    WITH customer AS (
        SELECT profile_id, max(ordered_at) AS last_order_at, count(*) AS orders, sum(net) AS revenue,
               count(*) FILTER (WHERE ordered_at >= $from) AS period_orders,
               sum(net) FILTER (WHERE ordered_at >= $from) AS period_revenue
        FROM read_parquet($purchases) JOIN read_parquet($identities) USING (identity_id) GROUP BY profile_id
    ), bounds AS (
        SELECT quantile_disc(last_order_at, [0.2, 0.4, 0.6, 0.8]) AS r,
               quantile_disc(orders, [0.2, 0.4, 0.6, 0.8]) AS f,
               quantile_disc(revenue, [0.2, 0.4, 0.6, 0.8]) AS m
        FROM customer
    ), placed AS (
        SELECT *, row_number() OVER (ORDER BY period_revenue DESC, last_order_at DESC, profile_id) AS place,
               count(*) OVER () AS active
        FROM customer WHERE period_orders > 0
    )
    SELECT customer.profile_id,
           CASE WHEN place IS NULL THEN 'inactive' WHEN place <= ceil(active * 0.01) THEN 'top'
                WHEN place <= ceil(active * 0.05) THEN 'large' WHEN place <= ceil(active * 0.2) THEN 'medium'
                ELSE 'small' END,
           1 + len(list_filter(r, lambda bound: customer.last_order_at > bound)),
           1 + len(list_filter(f, lambda bound: customer.orders > bound)),
           1 + len(list_filter(m, lambda bound: customer.revenue > bound))
    FROM customer LEFT JOIN placed USING (profile_id), bounds
"""


def made(folder: Path, now: datetime, customers: int = _CUSTOMERS, orders: int = _ORDERS) -> Files:
    """Column files as segment-service keeps them: one a month, and the map."""
    each = orders // _MONTHS
    purchases = []
    with duckdb.connect() as duck:
        for month in range(_MONTHS):
            path = folder / f"purchases-{month}.parquet"
            first = (now - timedelta(days=30 * (_MONTHS - month))).replace(tzinfo=None).isoformat()
            customer = f"(hash(i + {month * each}) % {customers})"
            duck.execute(
                f"COPY (SELECT {_UUID.format(customer)} AS identity_id, "
                f"TIMESTAMP '{first}' + to_seconds((hash(i * 7 + {month}) % 2592000)::BIGINT) AS ordered_at, "
                f"((hash(i * 13 + {month}) % 20000) / 100)::DECIMAL(18,2) AS net, "
                f"NULL::DECIMAL(18,2) AS margin FROM range({each}) AS orders (i)) TO '{path}' (FORMAT parquet)"
            )
            purchases.append(str(path))
        identities = folder / "identities.parquet"
        profile = _UUID.format("i + 10000000")
        duck.execute(
            f"COPY (SELECT {_UUID.format('i')} AS identity_id, {profile} AS profile_id, "
            f"NULL::TIMESTAMP AS contacted_at FROM range({customers}) AS people (i)) "
            f"TO '{identities}' (FORMAT parquet)"
        )
    return Files(1, purchases, [], [str(identities)])


def bare(files: Files, since: datetime, target: Path) -> float:
    arguments = {
        "from": since.replace(tzinfo=None),
        "purchases": files.purchases,
        "identities": files.identities,
    }
    began = time.perf_counter()
    with duckdb.connect(":memory:", config={"threads": 2, "preserve_insertion_order": False}) as duck:
        duck.execute(f"COPY ({_BARE}) TO '{target}' (FORMAT csv)", arguments)
    return time.perf_counter() - began


async def run() -> Sequence[Row]:
    """Rounds in which our calculation and the bare statement take turns; both read the files and write all."""
    now = datetime.now(UTC)
    rounds: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory(prefix="rp-") as name:
        folder = Path(name)
        files = made(folder, now)
        engine = Engine(folder / "scratch", memory="2GB")
        question = Question(now - timedelta(days=365), None, "revenue", Cutoffs())
        try:
            for _ in range(_ROUNDS):
                began = time.perf_counter()
                target = str(folder / "scores.csv")
                ranks = await engine.run(lambda duck, target=target: rank_everybody(duck, files, question, target))  # type: ignore[misc]
                ours = time.perf_counter() - began
                if ranks.customers != _CUSTOMERS:
                    raise RuntimeError(f"{ranks.customers} customers ranked")
                rounds.append((ours, bare(files, question.since, folder / "bare.csv")))
        finally:
            engine.close()
    note = "1 M customers, 20 M orders, reading Parquet and writing all classes and scores included"
    return [of_rounds("pyramid and RFM", rounds, goal=1.5, unit="s", note=note, better="lower")]
