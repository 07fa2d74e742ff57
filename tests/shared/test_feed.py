"""The feed: nothing missed, nothing twice, order kept, and an effect exactly once whatever dies."""

import asyncio
import itertools
import random
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest
from rapport.database import Connection, Database, connect_arguments
from rapport.feed import Event, FeedConsumer, ReceivedEvent, append
from rapport.feed.events import Position
from rapport.feed.server import read
from rapport.http import ServiceClient
from rapport.tokens import KeyStore

from tests.conftest import DatabaseFactory, TokenFactory
from tests.shared.toy import prepare, toy_app
from tests.support.http import serve
from tests.support.polling import eventually


def events_of(writer: int, numbers: Sequence[int]) -> list[Event]:
    now = datetime.now(UTC)
    return [Event(type="counted", time=now, subject=str(writer), data={"writer": writer, "number": n}) for n in numbers]


@asynccontextmanager
async def opened(url: str, pool_size: int = 10) -> AsyncIterator[Database]:
    database = Database(url, pool_size=pool_size)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


async def test_a_reader_misses_nothing_while_eight_writers_hold_transactions_open(database: DatabaseFactory) -> None:
    url = await prepare(await database())
    transactions, rounds = 40, 8

    async def write(storage: Database, writer: int) -> int:
        chance = random.Random(writer)
        numbers = itertools.count()
        for _ in range(transactions):
            async with storage.transaction() as connection:
                for _ in range(chance.randint(1, 3)):
                    await append(connection, events_of(writer, [next(numbers) for _ in range(chance.randint(1, 4))]))
                    await asyncio.sleep(chance.random() * 0.01)
        return next(numbers)

    async with opened(url, pool_size=rounds + 2) as storage:
        writers = asyncio.gather(*(write(storage, writer) for writer in range(rounds)))
        position, seen = Position.parse(None), defaultdict[str, list[int]](list)
        ended = False
        while not ended:
            ended = writers.done()
            async with storage.pool.acquire() as connection:
                found = await read(connection, position, limit=25)
            for at, body in found:
                position = at
                event = msgspec.json.decode(body)
                seen[event["subject"]].append(event["data"]["number"])
            ended = ended and not found
            await asyncio.sleep(0)
        totals = await writers
    assert [seen[str(writer)] for writer in range(rounds)] == [list(range(total)) for total in totals]


async def test_an_open_transaction_holds_back_later_ones_until_it_ends(database: DatabaseFactory) -> None:
    url = await prepare(await database())
    async with opened(url) as storage, storage.pool.acquire() as slow, storage.pool.acquire() as reader:
        transaction = slow.transaction()
        await transaction.start()
        await append(slow, events_of(0, [0]))
        async with storage.transaction() as quick:
            await append(quick, events_of(1, [0]))
        assert await read(reader, Position.parse(None), 10) == []
        await transaction.commit()
        bodies = [msgspec.json.decode(body) for _, body in await read(reader, Position.parse(None), 10)]
    assert [body["data"]["writer"] for body in bodies] == [0, 1]


async def test_transaction_ids_are_ordered_as_numbers(database: DatabaseFactory) -> None:
    url = await prepare(await database())
    xids = [9, 10, 99, 100, 101]
    async with opened(url) as storage, storage.pool.acquire() as connection:
        for xid in random.Random(1).sample(xids, len(xids)):
            await connection.execute(
                "INSERT INTO outbox (xid, count, events) VALUES ($1::text::xid8, 1, '[{}]')", str(xid)
            )
        found = await read(connection, Position.parse(None), 10)
        assert [position.xid for position, _ in found] == xids
        assert [at.xid for at, _ in await read(connection, Position(10, 0, 0), 1)] == [10]


@pytest.fixture
async def source(database: DatabaseFactory, keys: KeyStore) -> AsyncIterator[tuple[str, str]]:
    url = await prepare(await database())
    async with serve(toy_app(url, keys.jwks_path)) as base:
        yield base, url


async def test_the_feed_is_a_cloudevents_batch_read_from_any_event(
    source: tuple[str, str], token: TokenFactory
) -> None:
    base, url = source
    async with opened(url) as storage:
        for start in (0, 5):
            async with storage.transaction() as connection:
                await append(connection, events_of(3, range(start, start + 5)))
    async with httpx.AsyncClient(
        base_url=base, headers={"Authorization": f"Bearer {token('profiles:read')}"}
    ) as client:
        whole = await client.get("/v1/feed")
        assert whole.headers["content-type"] == "application/cloudevents-batch+json"
        events = whole.json()
        assert [event["data"]["number"] for event in events] == list(range(10))
        assert {"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"} == set(events[0])
        assert events[0]["specversion"] == "1.0"
        assert len({event["id"] for event in events}) == 10
        for at, event in enumerate(events):
            rest = (await client.get("/v1/feed", params={"lastEventId": event["id"], "limit": 3})).json()
            assert rest == events[at + 1 : at + 4]


async def test_a_long_poll_answers_when_something_comes(source: tuple[str, str], token: TokenFactory) -> None:
    base, url = source
    async with (
        opened(url) as storage,
        httpx.AsyncClient(base_url=base, headers={"Authorization": f"Bearer {token('profiles:read')}"}) as client,
    ):
        assert (await client.get("/v1/feed", params={"timeout": 1})).json() == []
        polls = [asyncio.create_task(client.get("/v1/feed", params={"timeout": 30_000}, timeout=40)) for _ in range(3)]
        await asyncio.sleep(0)
        async with storage.transaction() as connection:
            await append(connection, events_of(1, [7]))
        for answer in await asyncio.gather(*polls):
            assert [event["data"]["number"] for event in answer.json()] == [7]


async def test_an_event_that_cannot_be_applied_is_put_aside_and_the_others_are_applied(
    source: tuple[str, str], database: DatabaseFactory, token: TokenFactory
) -> None:
    base, url = source
    target = await prepare(await database())
    applied: list[int] = []

    async def apply(connection: Connection, events: Sequence[ReceivedEvent]) -> None:
        numbers = [msgspec.json.decode(event.data)["number"] for event in events]
        if 3 in numbers:
            raise ValueError("three is bad")
        await connection.executemany(
            "INSERT INTO thing (id, name) VALUES (uuidv7(), $1)", [(str(number),) for number in numbers]
        )
        applied.extend(numbers)

    async with opened(url) as storage, opened(target) as storage_of_target:
        async with storage.transaction() as connection:
            await append(connection, events_of(1, range(6)))
        client = ServiceClient("toy", base, token("profiles:read"))
        consumer = FeedConsumer("toy", client, storage_of_target, apply, poll_seconds=0.01)
        assert await consumer.step() == 6
        assert await consumer.step() == 0
        await client.aclose()
        names = await storage_of_target.pool.fetch("SELECT name FROM thing ORDER BY name")
        assert [row["name"] for row in names] == ["0", "1", "2", "4", "5"]
        assert applied == [0, 1, 2, 4, 5]
        failure = await storage_of_target.pool.fetchrow("SELECT event, error FROM feed_failure")
        assert failure is not None
        assert "three is bad" in failure["error"]
        assert msgspec.json.decode(failure["event"])["data"]["number"] == 3


async def test_a_consumer_killed_at_random_points_has_its_effect_exactly_once(
    source: tuple[str, str], database: DatabaseFactory, token: TokenFactory
) -> None:
    base, url = source
    target = await prepare(await database())
    count, writers, chance = 50_000, 10, random.Random(5)
    async with opened(url) as storage:
        for start in range(0, count, 500):
            async with storage.transaction() as connection:
                for writer in range(writers):
                    await append(connection, events_of(writer, range(start + writer, start + 500, writers)))
    watch = await asyncpg.connect(**connect_arguments(target))
    await watch.execute("CREATE TABLE effect (writer int PRIMARY KEY, total bigint, count int)")

    async def applied() -> int:
        return int(await watch.fetchval("SELECT coalesce(sum(count), 0) FROM effect"))

    arguments = [sys.executable, "-m", "tests.shared.feed_follower", base, token("profiles:read"), target]
    kills = 0
    while await applied() < count:
        process = await asyncio.create_subprocess_exec(*arguments)
        before = await applied()
        goal = min(count, before + chance.randint(1, count // 6))

        async def moved(process: Any = process, goal: int = goal) -> bool:
            return await applied() >= goal or process.returncode is not None

        await eventually(moved, deadline=60, every=0.003)
        assert process.returncode is None
        process.kill()
        await process.wait()
        kills += 1
    assert kills >= 5
    rows = await watch.fetch("SELECT writer, total, count FROM effect ORDER BY writer")
    await watch.close()
    expected = [(w, sum(range(w, count, writers)), count // writers) for w in range(writers)]
    assert [tuple(row) for row in rows] == expected
