"""Rules evaluated for everybody over column files: by DuckDB on this machine, or by Spark on many.

Both take the same views, as DuckDB states them, read the same files and run the same expression in their own dialect.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

import duckdb

from segment_service.columns.engine import Engine
from segment_service.conditions.rules import Rule
from segment_service.conditions.statements import statement

# Whoever neither matches nor may come to by time alone is not worth a row.
WANTED: Final = "SELECT profile_id, matches, due_at FROM ({query}) AS judged WHERE matches OR due_at IS NOT NULL"


class Judgement(NamedTuple):
    """What a rule says of one profile: whether it matches, and when time alone may change that."""

    profile_id: UUID
    matches: bool
    due_at: datetime | None


class Batch(Protocol):
    """Evaluates one rule for everybody."""

    async def judge(self, rule: Rule, views: Sequence[str], now: datetime) -> list[Judgement]:
        """Those who match at a time, and those for whom time alone may change the answer.

        `views` are statements of DuckDB that make the relations, but for `clock`, over Parquet files.
        """

    async def close(self) -> None:
        """Let go of whatever it holds."""


class DuckBatch:
    """By DuckDB, in the thread of the service's engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def judge(self, rule: Rule, views: Sequence[str], now: datetime) -> list[Judgement]:
        """As `Batch.judge`."""
        query = WANTED.format(query=await statement(rule, "judged", "duckdb"))

        def calculate(duck: duckdb.DuckDBPyConnection) -> list[Judgement]:
            for view in (*views, clock(now)):
                duck.execute(view)
            return [Judgement(row[0], row[1], utc(row[2])) for row in duck.execute(query).fetchall()]

        return await self._engine.run(calculate)

    async def close(self) -> None:
        """The engine is its owner's."""


def batch_of(engine: str, duck: Engine, master: str | None, host: str | None) -> Batch:
    """The engine that is set: `duckdb`, or `spark` with the address of its master."""
    if engine != "spark" or master is None:
        return DuckBatch(duck)
    from segment_service.conditions.spark import SparkBatch  # noqa: PLC0415  needs what only Spark needs

    return SparkBatch(master, host)


def clock(now: datetime) -> str:
    """The statement that makes the relation `clock`."""
    return f"CREATE VIEW clock AS SELECT CAST('{plain(now)}' AS TIMESTAMP) AS now"


def plain(at: datetime) -> str:
    """A time in UTC, as SQL has it."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def utc(at: Any) -> datetime | None:
    """A time of a relation with its offset."""
    return None if at is None else at.replace(tzinfo=UTC)
