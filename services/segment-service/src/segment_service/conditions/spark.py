"""Rules evaluated for everybody on a Spark cluster; needs the extra `spark` and Java 17.

The driver runs in this process and must be reachable by the workers, which must see the column files under the same
paths: one machine, or a shared file system.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import duckdb
import sqlglot
from sqlglot import exp

from segment_service.conditions.batch import WANTED, Judgement, clock, utc
from segment_service.conditions.rules import Rule
from segment_service.conditions.statements import statement

# Spark knows no UUIDs: it reads them as bytes, which become their usual text.
_TYPES: Final = {"UUID": "binary", "VARCHAR": "string", "TIMESTAMP": "timestamp_ntz", "BIGINT": "bigint"}
_TEXT: Final = (
    "regexp_replace(lower(hex(`{0}`)), '^(.{{8}})(.{{4}})(.{{4}})(.{{4}})(.{{12}})$', '$1-$2-$3-$4-$5') AS `{0}`"
)
_SETTINGS: Final = {
    "spark.app.name": "rapport-segments",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.ui.enabled": "false",
    "spark.log.level": "ERROR",
}


class SparkBatch:
    """By Spark: one session, opened at the first rule, in a thread of its own."""

    def __init__(self, master: str, host: str | None = None) -> None:
        self._settings = {**_SETTINGS, "spark.master": master}
        if host is not None:
            self._settings |= {"spark.driver.host": host, "spark.driver.bindAddress": host}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spark")
        self._session: Any = None

    async def judge(self, rule: Rule, views: Sequence[str], now: datetime) -> list[Judgement]:
        """As `Batch.judge`."""
        query = await statement(rule, "judged", "spark")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._judge, query, views, now)

    async def close(self) -> None:
        """End the session."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._stop)
        self._thread.shutdown()

    def _judge(self, query: str, views: Sequence[str], now: datetime) -> list[Judgement]:
        session = self._opened()
        for view in (*views, clock(now)):
            self._make(session, view)
        rows = session.sql(WANTED.format(query=query)).toLocalIterator()
        return [Judgement(UUID(row[0]), row[1], utc(row[2])) for row in rows]

    def _opened(self) -> Any:
        if self._session is None:
            from pyspark.sql import SparkSession  # noqa: PLC0415  an extra

            builder = SparkSession.builder
            for name, value in self._settings.items():
                builder = builder.config(name, value)
            self._session = builder.getOrCreate()
        return self._session

    def _stop(self) -> None:
        if self._session is not None:
            self._session.stop()
            self._session = None

    @staticmethod
    def _make(session: Any, view: str) -> None:
        """Make a view of DuckDB in Spark: its files become views of their own, the rest is translated."""
        parsed = sqlglot.parse_one(view, dialect="duckdb")
        name, query = parsed.this.name, parsed.expression
        for number, (call, files) in enumerate(_files(query)):
            source = f"{name}_files_{number}"
            columns = _columns(files)
            schema = ", ".join(f"`{column}` {_TYPES.get(kind, kind)}" for column, kind in columns)
            shown = [_TEXT.format(column) if kind == "UUID" else f"`{column}`" for column, kind in columns]
            session.read.schema(schema).parquet(*files).selectExpr(*shown).createOrReplaceTempView(source)
            call.replace(exp.to_table(source, alias=call.alias or None))
        session.sql(query.sql(dialect="spark")).createOrReplaceTempView(name)


def _files(query: exp.Expression) -> Iterator[tuple[exp.Expression, list[str]]]:
    """Each use of files in a query, and which."""
    for table in list(query.find_all(exp.Table)):
        call = table.this
        if isinstance(call, exp.ReadParquet):
            yield table, [literal.name for literal in call.find_all(exp.Literal)]


def _columns(files: Sequence[str]) -> list[tuple[str, str]]:
    """Names and types in DuckDB of the columns of files, all of which have the same."""
    with duckdb.connect(":memory:") as duck:
        described = duck.execute("DESCRIBE SELECT * FROM read_parquet($files)", {"files": list(files)}).fetchall()
    return [(row[0], row[1]) for row in described]
