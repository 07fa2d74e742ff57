"""Column files of the relations: by increments as good as written anew."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from duckdb import DuckDBPyConnection
from rapport.database import Database
from rapport.tokens import KeyStore
from segment_service.columns import manifest as manifests
from segment_service.columns.engine import Engine
from segment_service.columns.increments import Copied, RelationStore

from tests.conftest import TokenFactory
from tests.segment.conftest import Segments, SegmentsFactory
from tests.segment.feeds import DAY, Feeds

NOW = datetime.now(UTC)
RELATIONS = ("customer", "trait", "consent", "event", "event_value")


class Columns:
    """The relations of a running service as column files in a folder of the test's own."""

    def __init__(self, folder: Path, database: Database, engine: Engine) -> None:
        self.folder = folder
        self.store = RelationStore(folder, database, engine)
        self.engine = engine

    async def rows(self, copied: Copied, relation: str) -> list[str]:
        """All rows of a relation, in no order."""

        def read(duck: Any) -> list[tuple[Any, ...]]:
            for view in copied.views:
                duck.execute(view)
            found: list[tuple[Any, ...]] = duck.execute(f"SELECT * FROM {relation}").fetchall()
            return found

        return sorted(map(repr, await self.engine.run(read)))

    async def same(self, segments: Segments) -> Copied:
        """Refresh, and see that every relation has the rows it has in PostgreSQL."""
        while True:
            copied = await self.store.refresh()
            wanted = {each: await segments.db.fetch(f"SELECT * FROM rule.{each}") for each in RELATIONS}
            # Rankings and time change customers meanwhile.
            if await segments.db.fetchval("SELECT last_value FROM change_version WHERE is_called") in {
                copied.version,
                None,
            }:
                break
        for relation, rows in wanted.items():
            told = sorted(repr(tuple(UUID(int=v.int) if isinstance(v, UUID) else v for v in row)) for row in rows)
            assert await self.rows(copied, relation) == told, relation
        return copied

    def manifest(self) -> manifests.Manifest:
        """What is written down."""
        (folder,) = self.folder.glob("*-relations")
        return manifests.load(folder)


@pytest.fixture
async def columns(segments: Segments, tmp_path: Path) -> Any:
    """Column files of `segments`."""
    database, engine = Database(segments.database_url, pool_size=2), Engine(tmp_path / "scratch-of-test")
    await database.open()
    folder = tmp_path / "it's here"
    folder.mkdir()
    yield Columns(folder, database, engine)
    engine.close()
    await database.close()


async def test_d10_relations_in_column_files_are_those_of_the_tables_whatever_happened(
    segments: Segments, columns: Columns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifests, "SMALL", 3)
    feeds, chance = segments.feeds, random.Random(7)
    await columns.same(segments)
    people = [feeds.person() for _ in range(6)]
    odd = ["", 'say "hi",\nplease', "12.50", "2026-02-30", "2026-03-01T10:00:00+08:00", "naïve 客"]

    def visit() -> None:
        identity, _ = chance.choice(people)
        data = {"a": chance.choice(odd), "b": {"c": [chance.choice(odd), chance.random(), True, None]}}
        feeds.touch(identity, "track", NOW - chance.randrange(90) * DAY, name=chance.choice(odd[1:]), data=data)

    def buy() -> None:
        feeds.order(chance.choice(people)[0], f"o{chance.randrange(9)}", chance.randrange(99), chance.randrange(60))

    def learn() -> None:
        feeds.tell(chance.choice(people)[1], traits={"x": chance.choice(odd), "y": [1, chance.choice(odd)]})

    def consent() -> None:
        feeds.tell(chance.choice(people)[1], consents=[("sms", "marketing", chance.choice(["granted", "denied"]))])

    def move() -> None:
        feeds.assign({chance.choice(people)[0]: chance.choice(people)[1]})

    deeds: list[Callable[[], None]] = [visit, visit, buy, learn, consent, move]
    for _ in range(8):
        for _ in range(chance.randrange(1, 6)):
            chance.choice(deeds)()
        await segments.caught_up()
        await columns.same(segments)
    assert any(part.rows for part in columns.manifest().parts.values()), "something came by a delta"
    by_increments = columns.manifest()
    assert any(part.made < by_increments.version for part in by_increments.parts.values())


async def test_d10_a_refresh_with_nothing_new_writes_nothing(segments: Segments, columns: Columns) -> None:
    identity, profile = segments.feeds.person()
    segments.feeds.order(identity, "A", 5)
    segments.feeds.tell(profile, traits={"country": "TW"})
    await segments.caught_up()
    first = await columns.same(segments)
    again = await columns.store.refresh()
    while again.version != first.version:
        first, again = again, await columns.store.refresh()
    assert again.views == first.views


async def test_d10_files_that_are_lost_are_written_again(segments: Segments, columns: Columns) -> None:
    identity, _ = segments.feeds.person()
    segments.feeds.order(identity, "A", 5)
    await segments.caught_up()
    await columns.same(segments)
    for path in columns.folder.rglob("customer.*.parquet"):
        path.unlink()
    await columns.same(segments)
    for path in columns.folder.rglob(manifests.NAME):
        path.write_text("{}x")
    await columns.same(segments)


async def test_i11_erasing_leaves_nothing_in_the_relations_column_files(
    start: SegmentsFactory, keys: KeyStore, token: TokenFactory, tmp_path: Path
) -> None:
    feeds = Feeds()
    async with start(feeds=feeds) as segments:
        database, engine = Database(segments.database_url, pool_size=2), Engine(tmp_path / "scratch-of-test")
        await database.open()
        columns = Columns(tmp_path, database, engine)
        (one, profile), (two, other) = feeds.person(), feeds.person()
        for identity, at in ((one, NOW - 40 * DAY), (two, NOW - 40 * DAY), (two, NOW)):
            feeds.touch(identity, "track", at, name="Visited", data={"place": "Taipei"})
        feeds.tell(profile, traits={"city": "Taipei"}, consents=[("sms", "marketing", "granted")])
        await segments.caught_up()
        await columns.same(segments)
        kept = columns.manifest().parts
        feeds.touch(one, "track", NOW - 40 * DAY, name="Visited", data={"place": "Taipei"})
        await segments.caught_up()
        await columns.same(segments)
        headers = {"Authorization": f"Bearer {token('privacy')}"}
        async with httpx.AsyncClient(base_url=segments.client.base_url, headers=headers, timeout=60) as client:
            person = {"identities": [str(one)], "profiles": [str(profile)]}
            erased = await client.post("/v1/privacy/erasures", json={"request_id": str(uuid4()), **person})
            assert erased.status_code == 200, erased.text
        assert await columns.store.overdue()
        copied = await columns.same(segments)
        assert not await columns.store.overdue()
        (folder,) = tmp_path.glob("*-relations")
        assert {each.name for each in folder.iterdir()} == {*columns.manifest().files, manifests.NAME}
        month = f"event-{NOW:%Y-%m}"
        assert columns.manifest().parts[month].base == kept[month].base, "a month without the person stays"
        for relation in ("customer", "trait", "event"):
            assert not any(str(profile) in row for row in await columns.rows(copied, relation))
        assert any(str(other) in row for row in await columns.rows(copied, "event"))
        engine.close()
        await database.close()


async def test_d10_what_reads_finds_the_relations_although_files_go_in_between(
    segments: Segments, columns: Columns
) -> None:
    identity, profile = segments.feeds.person()
    segments.feeds.order(identity, "A", 5)
    await segments.caught_up()
    tries = 0

    def calculation(duck: DuckDBPyConnection, copied: Copied) -> tuple[Any, ...] | None:
        nonlocal tries
        tries += 1
        if tries == 1:
            for path in columns.folder.rglob("customer.*.parquet"):
                path.unlink()
        return duck.execute("SELECT profile_id, orders::INT FROM customer").fetchone()

    assert await columns.store.read(calculation) == (profile, 1)
    assert tries == 2
