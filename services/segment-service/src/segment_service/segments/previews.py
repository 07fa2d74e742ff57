"""Trying a rule on everybody, on the column files."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from duckdb import DuckDBPyConnection
from rapport.database import Database

from segment_service.columns.engine import Engine
from segment_service.columns.increments import RelationStore
from segment_service.conditions.explanation import explain
from segment_service.conditions.parser import parse
from segment_service.conditions.reads import reads
from segment_service.conditions.repository import customer
from segment_service.conditions.statements import statement
from segment_service.segments.schemas import Preview, PreviewIn, Sample


class Found(NamedTuple):
    """How many match, of how many, and some of them."""

    as_of: datetime
    size: int
    customers: int
    sample: list[UUID]


async def preview(
    database: Database, files: RelationStore, engine: Engine, asked: PreviewIn, seconds: float, *, pii: bool
) -> Preview:
    """How many customers a rule describes, and some of them with the reasons; raises `InvalidRule`.

    Changes that it takes longer than `seconds` to take in are not waited for: the answer says as of when it is.
    Traits are hidden unless `pii`.
    """
    rule = parse(asked.rule)
    query = await statement(rule, "members", "duckdb")
    with engine.place():
        found = await files.read_soon(
            lambda duck, copied: _count(duck, query, copied.as_of, asked.sample), engine, seconds
        )
    events = {cause.removeprefix("event:") for cause in reads(rule) if cause.startswith("event:")}
    return Preview(
        as_of=found.as_of,
        size=found.size,
        customers=found.customers,
        share=found.size / found.customers if found.customers else None,
        sample=await _reasons(database, found.sample, asked.rule, events, pii=pii),
    )


async def _reasons(
    database: Database, profiles: list[UUID], rule: dict[str, Any], events: set[str], *, pii: bool
) -> list[Sample]:
    sample = []
    async with database.pool.acquire(timeout=10) as connection:
        for profile in profiles:
            found = await customer(connection, profile, events)
            if found is not None:
                sample.append(Sample(profile_id=profile, explanation=explain(rule, found, pii=pii)))
    return sample


def _count(duck: DuckDBPyConnection, query: str, now: datetime, sample: int) -> Found:
    duck.execute("CREATE TEMP TABLE clock AS SELECT $1::TIMESTAMP AS now", [now.replace(tzinfo=None)])
    duck.execute(f"CREATE TEMP TABLE matching AS SELECT profile_id FROM ({query}) AS found")
    sizes = duck.execute("SELECT (SELECT count(*) FROM matching), (SELECT count(*) FROM customer)").fetchone()
    rows = duck.execute(f"SELECT profile_id FROM matching USING SAMPLE {int(sample)} ROWS").fetchall() if sample else []
    size, everybody = sizes or (0, 0)
    return Found(now, size, everybody, [row[0] for row in rows])
