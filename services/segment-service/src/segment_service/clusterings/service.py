"""Finding groups of customers, and who is in them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from duckdb import DuckDBPyConnection
from fastapi import FastAPI
from rapport.database import Connection, Database
from rapport.feed import Event, append
from rapport.pagination import Page, decode_cursor, encode_cursor

from segment_service.clusterings import repository
from segment_service.clusterings.errors import UnknownClustering, UnknownGroup
from segment_service.clusterings.schemas import ClusteringIn, ClusteringOut, GroupMember, Started
from segment_service.columns import features
from segment_service.conditions.parser import parse
from segment_service.conditions.statements import statement
from segment_service.jobs.service import submit
from segment_service.jobs.worker import RunningJob
from segment_service.learning import running, work

CLUSTERING: Final = "clustering"
_EVERYBODY: Final = {"metric": "orders", "gte": 1}


async def request(connection: Connection, asked: ClusteringIn) -> Started:
    """Ask for groups; raises `InvalidRule`."""
    spec = asked.model_dump(mode="json")
    parse(spec["among"] or _EVERYBODY, "/among")
    clustering_id = await repository.new_id(connection)
    job = await submit(connection, CLUSTERING, {"clustering_id": str(clustering_id)})
    await repository.insert(connection, asked.name, spec, job.job_id, clustering_id)
    return Started(job_id=job.job_id, clustering_id=clustering_id)


async def clustering(connection: Connection, clustering_id: UUID) -> ClusteringOut:
    """A clustering; raises `UnknownClustering`."""
    row = await repository.read(connection, clustering_id)
    if row is None:
        raise UnknownClustering(f"There is no clustering {clustering_id}.")
    return _answer(row)


async def listed(connection: Connection, name: str | None, cursor: str | None, limit: int) -> Page[ClusteringOut]:
    """Clusterings, the newest first."""
    before = decode_cursor(cursor, tuple[UUID])[0] if cursor else None
    found = [_answer(row) for row in await repository.page(connection, name, before, limit + 1)]
    more = encode_cursor(found[limit - 1].clustering_id) if len(found) > limit else None
    return Page(items=found[:limit], next_cursor=more)


async def members(
    connection: Connection, clustering_id: UUID, group: str, cursor: str | None, limit: int
) -> Page[GroupMember]:
    """Customers of a group; raises `UnknownClustering` and `UnknownGroup`."""
    found = await clustering(connection, clustering_id)
    if found.result is None or all(each.key != group for each in found.result.groups):
        raise UnknownGroup(f"Clustering {clustering_id} has no group {group!r}.")
    after = decode_cursor(cursor, tuple[UUID])[0] if cursor else None
    ids = await repository.members(connection, clustering_id, group, after, limit + 1)
    more = encode_cursor(ids[limit - 1]) if len(ids) > limit else None
    return Page(items=[GroupMember(profile_id=each) for each in ids[:limit]], next_cursor=more)


async def carry_out(app: FastAPI, job: RunningJob) -> Mapping[str, Any]:
    """Handler of clusterings; done twice it finds the same."""
    database: Database = app.state.database
    now = datetime.now(UTC)
    async with database.pool.acquire(timeout=10) as connection:
        asked = await clustering(connection, UUID(job.spec["clustering_id"]))
    spec = ClusteringIn(**asked.spec)
    among = await statement(parse(asked.spec["among"] or _EVERYBODY, "/among"), "members", "duckdb")
    async with running.folder(app.state.settings, job.job_id) as place:
        before = place / "before.csv"
        async with database.pool.acquire(timeout=10) as connection:
            earlier = await repository.latest(connection, asked.name)
            if earlier is not None:
                await repository.export_members(connection, earlier["clustering_id"], before)
        names = _names(earlier["result"]) if earlier is not None else {}
        options = work.GroupOptions(most=spec.most, groups=spec.groups, names=names)

        def build(duck: DuckDBPyConnection) -> None:
            _build(duck, now, among, spec, str(before) if earlier is not None else None)

        result = running.stored(await running.learn(app, place, options, build))
        async with database.transaction() as transaction:
            await job.advance(transaction, result["customers"], result["customers"])
            await repository.finish(transaction, asked.clustering_id, asked.name, now, result, place / work.ROWS)
            data = {"clustering_id": str(asked.clustering_id), "name": asked.name, "groups": result["chosen"]}
            await append(transaction, [Event(type="clustering.finished", time=datetime.now(UTC), data=data)])
    return {"clustering_id": str(asked.clustering_id), "groups": result["chosen"], "customers": result["customers"]}


def _build(duck: DuckDBPyConnection, now: datetime, among: str, spec: ClusteringIn, before: str | None) -> None:
    moment = now.replace(tzinfo=None)
    duck.execute("CREATE TEMP TABLE clock AS SELECT $1::TIMESTAMP AS now", [moment])
    features.build(duck, moment, among=among, traits=False, events=False, left_out=spec.leave_out)
    if before is None:
        duck.execute("CREATE TEMP VIEW earlier AS SELECT NULL::UUID AS profile_id, NULL::VARCHAR AS mark WHERE false")
    else:
        kinds = "{'profile_id': 'UUID', 'mark': 'VARCHAR'}"
        rows = f"read_csv({features.literal(before)}, header = false, columns = {kinds})"
        duck.execute(f"CREATE TEMP VIEW earlier AS SELECT * FROM {rows}")
    duck.execute(
        "CREATE TEMP VIEW learnt AS SELECT profile_id::VARCHAR AS profile_id, mark, features.* EXCLUDE (profile_id) "
        "FROM features LEFT JOIN earlier USING (profile_id) ORDER BY profile_id"
    )


def _names(result: str) -> dict[str, str]:
    found = msgspec.json.decode(result)
    return {each["key"]: each["name"] for each in found["groups"]}


def _answer(row: Any) -> ClusteringOut:
    fields = dict(row)
    for name in ("spec", "result"):
        fields[name] = msgspec.json.decode(fields[name]) if fields[name] is not None else None
    return ClusteringOut(**fields)
