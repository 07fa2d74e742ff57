"""A small service with the house's conventions, to test them."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid4

import asyncpg
from fastapi import FastAPI, Query, Request, Response
from pydantic import BaseModel, Field
from rapport.application import create_application
from rapport.auth import needs
from rapport.concurrency import check_if_match, etag
from rapport.database import Session, Storage, Transaction, bare, begin, connect_arguments, database_of
from rapport.errors import NotFound
from rapport.feed import Event, append, common_tables, feed_router
from rapport.pagination import Cursor, Limit, Page, decode_cursor, encode_cursor
from rapport.routing import hot, service_router
from rapport.settings import ServiceSettings
from sqlalchemy import Column, Integer, MetaData, String, Table, Uuid, func, insert, select
from sqlalchemy.ext.asyncio import create_async_engine

METADATA = MetaData()
THING = Table(
    "thing",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("name", String, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
)
common_tables(METADATA)

router = service_router("things")


class NewThing(BaseModel, extra="forbid"):
    name: Annotated[str, Field(min_length=1, max_length=20)]


class Thing(NewThing):
    id: UUID


async def _changed(connection: Any, thing: UUID, name: str) -> None:
    await append(
        connection,
        [Event(type="thing.created", time=datetime.now(UTC), subject=str(thing), data={"id": thing, "name": name})],
    )


@router.post("/things", status_code=201, dependencies=[needs("profiles:write")])
async def create(body: NewThing, response: Response, session: Session) -> Thing:
    thing = uuid4()
    await session.execute(insert(THING).values(id=thing, name=body.name))
    await _changed(await bare(session), thing, body.name)
    response.headers["Location"] = f"/v1/things/{thing}"
    return Thing(id=thing, name=body.name)


@router.post("/bare-things", status_code=201, dependencies=[needs("profiles:write")])
async def create_bare(body: NewThing, connection: Transaction) -> Thing:
    if body.name == "slow":
        await asyncio.sleep(0.5)
    thing = uuid4()
    await connection.execute("INSERT INTO thing (id, name) VALUES ($1, $2)", thing, body.name)
    await _changed(connection, thing, body.name)
    if body.name == "broken":
        raise RuntimeError("after the work")
    return Thing(id=thing, name=body.name)


@router.put("/things/{thing}", dependencies=[needs("profiles:write")])
async def rename(thing: UUID, body: NewThing, request: Request, connection: Transaction) -> Response:
    version = await connection.fetchval("SELECT version FROM thing WHERE id = $1 FOR UPDATE", thing)
    if version is None:
        raise NotFound(f"There is no thing {thing}.")
    check_if_match(request, version)
    await connection.execute("UPDATE thing SET name = $2, version = version + 1 WHERE id = $1", thing, body.name)
    return Response(status_code=204, headers={"ETag": etag(version + 1)})


@router.get("/things", dependencies=[needs("profiles:read")])
async def listed(session: Session, cursor: Cursor = None, limit: Limit = 50) -> Page[Thing]:
    query = select(THING.c.id, THING.c.name).order_by(THING.c.id).limit(limit + 1)
    if cursor:
        query = query.where(THING.c.id > decode_cursor(cursor, tuple[UUID])[0])
    rows = (await session.execute(query)).all()
    items = [Thing(id=row.id, name=row.name) for row in rows[:limit]]
    return Page(items=items, next_cursor=encode_cursor(items[-1].id) if len(rows) > limit else None)


@router.get("/hot-things/{thing}", dependencies=[needs("profiles:read")], response_class=Response)
@hot
async def read_hot(request: Request, thing: UUID) -> Response:
    name = await database_of(request).pool.fetchval("SELECT name FROM thing WHERE id = $1", thing)
    if name is None:
        raise NotFound(f"There is no thing {thing}.")
    return Response(name)


@router.post("/hot-things", status_code=201, dependencies=[needs("profiles:write")], response_class=Response)
@hot
async def create_hot(request: Request) -> Response:
    connection = await begin(request)
    thing = uuid4()
    await connection.execute("INSERT INTO thing (id, name) VALUES ($1, 'hot')", thing)
    return Response(str(thing), 201)


@router.get("/count")
async def count(session: Session, least: Annotated[int, Query(ge=0)] = 0) -> int:
    return int((await session.execute(select(func.count()).select_from(THING))).scalar_one()) + least


@router.get("/sleep")
async def sleep(storage: Storage) -> str:
    await storage.pool.execute("SELECT pg_sleep(30)")
    return "slept"


def toy_app(database_url: str, jwks_file: Path, **options: Any) -> FastAPI:
    """The service over a database that `prepare` made ready."""
    settings = ServiceSettings(database_url=database_url, jwks_file=jwks_file, log_level="ERROR")
    return create_application(
        "toy", settings, description="Things", routers=[router, feed_router("toy", "profiles:read")], **options
    )


async def prepare(database_url: str) -> str:
    """Make the tables in an empty database."""
    engine = create_async_engine(database_url)
    async with engine.begin() as connection:
        await connection.run_sync(METADATA.create_all)
    await engine.dispose()
    connection_ = await asyncpg.connect(**connect_arguments(database_url))
    await connection_.execute("CREATE TABLE alembic_version (version_num text)")
    await connection_.close()
    return database_url
