"""A whole recomputation of a million customers with twenty million orders, against bare DuckDB computing the same.

Ours reads the column files, ranks and scores everybody, brings the result into PostgreSQL, finds who differs, writes
them and announces who moved; bare DuckDB reads the same files and writes a file.
"""

import resource
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import asyncpg
from rapport.database import Database, connect_arguments
from segment_service.columns.engine import Engine
from segment_service.columns.store import ColumnStore, Files
from segment_service.recomputation import repository
from segment_service.recomputation.service import Recomputation
from segment_service.settings import SegmentSettings
from segment_service.standing.repository import Rules

from tests.benchmarks.pyramid import bare, made
from tests.benchmarks.scene import alone
from tests.benchmarks.table import Row, of_rounds

_CUSTOMERS, _ORDERS, _ROUNDS = 1_000_000, 20_000_000, 3
_FILL = f"""
    INSERT INTO customer (
        profile_id, version, orders, order_days, orders_elsewhere, revenue, period_orders, period_revenue, value_class,
        lifecycle
    )
    SELECT md5(number::text)::uuid, 1, 1, 1, 0, 0, 0, 0, 'small', 'established'
    FROM generate_series(10000000, {10_000_000 + _CUSTOMERS - 1}) AS number
"""
# As much as a day of orders and of time leaves to be written.
_STALE = "UPDATE customer SET m = NULL WHERE substr(profile_id::text, 1, 2) IN ('00', '01', '02', '03', '04')"


class _Kept:
    """Column files that are up to date."""

    def __init__(self, files: Files) -> None:
        self._files = files

    async def refresh(self) -> Files:
        return self._files


async def run() -> Sequence[Row]:
    """The first recomputation, in which everybody differs, and some in which two in a hundred do."""
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="rp-") as name:
        folder = Path(name)
        files = made(folder, now, _CUSTOMERS, _ORDERS)
        async with alone("segment") as up:
            settings = SegmentSettings(database_url=up.database_url, data_dir=folder)
            (folder / "segment").mkdir()
            engine, database = Engine(folder / "scratch", memory="2GB"), Database(up.database_url)
            await database.open()
            connection = await asyncpg.connect(**connect_arguments(up.database_url))
            try:
                rules = Rules(settings.currency, settings.period_days, settings.lifecycle)
                await _filled(connection, rules, settings)
                store = cast("ColumnStore", _Kept(files))
                recomputation = Recomputation(database, store, engine, settings, rules)
                since = now - timedelta(days=settings.period_days)
                rounds = [
                    (await _recompute(recomputation, connection), bare(files, since, folder / "bare.csv"))
                    for _ in range(_ROUNDS + 1)
                ]
            finally:
                await connection.close()
                await database.close()
                engine.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    size = f"1 M customers, 20 M orders; peak {peak:.1f} GiB with bare DuckDB in the same process"
    return [
        of_rounds("recompute, all differ", rounds[:1], goal=None, unit="s", note=size, better="lower"),
        of_rounds("recompute, 2 % differ", rounds[1:], goal=2.0, unit="s", note=size, better="lower"),
    ]


async def _filled(connection: "asyncpg.Connection[asyncpg.Record]", rules: Rules, settings: SegmentSettings) -> None:
    await connection.execute("INSERT INTO ranking DEFAULT VALUES")
    await repository.keep_rules(connection, repository.fingerprint(rules, settings.cutoffs))
    await connection.execute(_FILL)
    await connection.execute("VACUUM ANALYZE customer")


async def _recompute(recomputation: Recomputation, connection: "asyncpg.Connection[asyncpg.Record]") -> float:
    await connection.execute(_STALE)
    await connection.execute("VACUUM customer")
    await connection.execute("SELECT nextval('change_version')")
    await connection.execute("UPDATE ranking SET ranked_at = NULL, version = 0")
    began = time.perf_counter()
    await recomputation.turn()
    took = time.perf_counter() - began
    if await connection.fetchval("SELECT count(*) FROM customer WHERE m IS NULL"):
        raise RuntimeError("not everybody was scored")
    return took
