"""Ranking customers by likeness to given ones."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from statistics import fmean
from typing import Any, Final
from uuid import UUID

import msgspec
from duckdb import DuckDBPyConnection
from fastapi import FastAPI
from rapport.database import Connection, Database
from rapport.feed import Event, append
from rapport.pagination import Page, decode_cursor, encode_cursor

from segment_service.columns import features
from segment_service.conditions.parser import parse
from segment_service.conditions.statements import statement
from segment_service.jobs.service import submit
from segment_service.jobs.worker import RunningJob
from segment_service.learning import running, work
from segment_service.lookalikes import repository
from segment_service.lookalikes.errors import UnknownLookalike
from segment_service.lookalikes.rules import given_away
from segment_service.lookalikes.schemas import LookalikeIn, LookalikeOut, Ranked, Started
from segment_service.segments.repository import rules

LOOKALIKE: Final = "lookalike"
_EVERYBODY: Final[Mapping[str, Any]] = {"all": []}


async def request(connection: Connection, asked: LookalikeIn) -> Started:
    """Ask for a ranking; raises `InvalidRule`."""
    spec = asked.model_dump(mode="json")
    parse(spec["seeds"], "/seeds")
    parse(spec["among"] or _EVERYBODY, "/among")
    lookalike_id = await repository.new_id(connection)
    job = await submit(connection, LOOKALIKE, {"lookalike_id": str(lookalike_id)})
    await repository.insert(connection, asked.name, spec, job.job_id, lookalike_id)
    return Started(job_id=job.job_id, lookalike_id=lookalike_id)


async def lookalike(connection: Connection, lookalike_id: UUID) -> LookalikeOut:
    """A look-alike; raises `UnknownLookalike`."""
    row = await repository.read(connection, lookalike_id)
    if row is None:
        raise UnknownLookalike(f"There is no look-alike {lookalike_id}.")
    return _answer(row)


async def listed(connection: Connection, cursor: str | None, limit: int) -> Page[LookalikeOut]:
    """Look-alikes, the newest first."""
    before = decode_cursor(cursor, tuple[UUID])[0] if cursor else None
    found = [_answer(row) for row in await repository.page(connection, before, limit + 1)]
    more = encode_cursor(found[limit - 1].lookalike_id) if len(found) > limit else None
    return Page(items=found[:limit], next_cursor=more)


async def remove(connection: Connection, lookalike_id: UUID) -> None:
    """Remove a look-alike and its ranking; raises `UnknownLookalike`."""
    if not await repository.remove(connection, lookalike_id):
        raise UnknownLookalike(f"There is no look-alike {lookalike_id}.")


async def ranking(connection: Connection, lookalike_id: UUID, cursor: str | None, limit: int) -> Page[Ranked]:
    """Those most like the seeds first; raises `UnknownLookalike`."""
    await lookalike(connection, lookalike_id)
    after = decode_cursor(cursor, tuple[int])[0] if cursor else 0
    found = [Ranked(**dict(row)) for row in await repository.ranking(connection, lookalike_id, after, limit + 1)]
    more = encode_cursor(found[limit - 1].place) if len(found) > limit else None
    return Page(items=found[:limit], next_cursor=more)


async def carry_out(app: FastAPI, job: RunningJob) -> Mapping[str, Any]:
    """Handler of look-alikes; done twice it finds the same."""
    database: Database = app.state.database
    now = datetime.now(UTC)
    async with database.pool.acquire(timeout=10) as connection:
        asked = await lookalike(connection, UUID(job.spec["lookalike_id"]))
    seeds = await statement(parse(asked.spec["seeds"], "/seeds"), "members", "duckdb")
    among = await statement(parse(asked.spec["among"] or _EVERYBODY, "/among"), "members", "duckdb")
    async with database.pool.acquire(timeout=10) as connection:
        segments = {row["key"]: msgspec.json.decode(row["rule"] or "{}") for row in await rules(connection)}
    left_out = sorted(given_away(asked.spec["seeds"], segments) | set(asked.spec["leave_out"]))
    async with running.folder(app.state.settings, job.job_id) as place:

        def build(duck: DuckDBPyConnection) -> None:
            _build(duck, now, seeds, among, left_out)

        result = running.stored(await running.learn(app, place, work.LikenessOptions(), build))
        result |= {"left_out": left_out, "auc": fmean(result["areas"][result["model"]])}
        async with database.transaction() as transaction:
            await job.advance(transaction, result["customers"], result["customers"])
            await repository.finish(transaction, asked.lookalike_id, now, result, place / work.ROWS)
            data = {"lookalike_id": str(asked.lookalike_id), "name": asked.name, "auc": result["auc"]}
            await append(transaction, [Event(type="lookalike.finished", time=datetime.now(UTC), data=data)])
    return {"lookalike_id": str(asked.lookalike_id), "model": result["model"], "auc": result["auc"]}


def _build(duck: DuckDBPyConnection, now: datetime, seeds: str, among: str, left_out: Collection[str]) -> None:
    moment = now.replace(tzinfo=None)
    duck.execute("CREATE TEMP TABLE clock AS SELECT $1::TIMESTAMP AS now", [moment])
    duck.execute(f"CREATE TEMP TABLE seed AS {seeds}")
    everybody = f"SELECT profile_id FROM ({among}) AS chosen UNION SELECT profile_id FROM seed"
    features.build(duck, moment, among=everybody, traits=True, events=True, left_out=left_out)
    duck.execute(
        "CREATE TEMP VIEW learnt AS SELECT profile_id::VARCHAR AS profile_id, seed.profile_id IS NOT NULL AS mark, "
        "features.* EXCLUDE (profile_id) FROM features LEFT JOIN seed USING (profile_id) ORDER BY profile_id"
    )


def _answer(row: Any) -> LookalikeOut:
    fields = dict(row)
    for name in ("spec", "result"):
        fields[name] = msgspec.json.decode(fields[name]) if fields[name] is not None else None
    return LookalikeOut(**fields)
