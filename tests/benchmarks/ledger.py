"""The ledger among five million identities: recognition, merges; and merges of customers with a long history."""

import json
import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from uuid import uuid4

import asyncpg
import msgspec
from profile_service.consumers import interaction
from profile_service.ledger.guards import Guards
from profile_service.policy import Policy
from rapport.database import connect_arguments
from rapport.feed import ReceivedEvent
from rapport.identity import identity_id
from rapport_local.demo.company import Company, good, until

from tests.benchmarks.engagements import history
from tests.benchmarks.load import measure, request
from tests.benchmarks.scene import Alone, alone, bare_reads, stack
from tests.benchmarks.table import Row, of_rounds

_IDENTITIES, _PEOPLE, _TOUCHPOINTS = 5_000_000, 10_000, 100_000
_ROUNDS, _MERGES, _SECONDS = 5, 1_000, 2.0
_STRANGERS = f"""
    INSERT INTO identity (identity_id, kind, value, seed_profile_id, profile_id, first_seen)
    SELECT gen_random_uuid(), 'email', number || '@strangers.example', profile, profile, now()
    FROM (SELECT number, gen_random_uuid() AS profile FROM generate_series(1, {_IDENTITIES}) AS number) AS strangers
"""
_BARE = f"""
    CREATE TABLE bare (id uuid NOT NULL, body text NOT NULL);
    INSERT INTO bare SELECT gen_random_uuid(), json_build_object('profile_id', gen_random_uuid(), 'confidence', 1.0)
    FROM generate_series(1, {_IDENTITIES});
    ALTER TABLE bare ADD PRIMARY KEY (id);
"""
_CROWD, _LATE = 10_000, 50
_COLUMNS = ("identity_id", "kind", "value", "seed_profile_id", "profile_id", "first_seen")


async def run() -> Sequence[Row]:
    """Recognition and merges against reads, then merges of two customers with their touchpoints in the next service."""
    async with alone("profile") as up:
        rows = await _among_many(up)
        rows.append(await _in_a_crowd(up))
    return rows + await _with_history()


def _identifiers(person: int) -> tuple[dict[str, str], dict[str, str]]:
    return {"kind": "user_id", "value": f"user-{person}"}, {"kind": "email", "value": f"user-{person}@example.org"}


async def _fill_without_indexes(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    indexes = await connection.fetch("SELECT indexdef FROM pg_indexes WHERE tablename = 'identity'")
    keys = await connection.fetch(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'identity'::regclass AND contype IN ('p', 'u')"
    )
    for key in keys:
        await connection.execute(f'ALTER TABLE identity DROP CONSTRAINT "{key["conname"]}"')
    rest = await connection.fetch("SELECT indexname FROM pg_indexes WHERE tablename = 'identity'")
    for index in rest:
        await connection.execute(f'DROP INDEX "{index["indexname"]}"')
    await connection.execute(_STRANGERS)
    for index in indexes:
        await connection.execute(index["indexdef"])


async def _filled(up: Alone) -> list[str]:
    """Fill both tables; some keys of the bare one."""
    connection = await asyncpg.connect(**connect_arguments(up.database_url))
    try:
        await _fill_without_indexes(connection)
        now, people = datetime.now(UTC), []
        for person in range(_PEOPLE):
            for each in _identifiers(person):
                profile = uuid4()
                identity = identity_id(each["kind"], each["value"])
                people.append((identity, each["kind"], each["value"], profile, profile, now))
        await connection.copy_records_to_table("identity", records=people, columns=_COLUMNS)
        await connection.execute(_BARE)
        await connection.execute("VACUUM ANALYZE identity")
        await connection.execute("VACUUM ANALYZE bare")
        keys = await connection.fetch("SELECT id FROM bare TABLESAMPLE SYSTEM (1) LIMIT $1", _PEOPLE)
        return [str(row["id"]) for row in keys]
    finally:
        await connection.close()


async def _among_many(up: Alone) -> list[Row]:
    chance = random.Random(3)
    keys = await _filled(up)
    token = up.keys.mint(["profiles:read", "profiles:write"], "benchmark", timedelta(hours=1))
    look, merge = [], []
    for person in range(_PEOPLE):
        user, email = _identifiers(person)
        body = json.dumps({"identifiers": [user]}).encode()
        look.append(request(f"{up.url}/v1/profiles/resolve", token, body))
        merge.append(request(f"{up.url}/v1/links", token, json.dumps({"a": user, "b": email}).encode()))
    resolved: list[tuple[float, float]] = []
    merged: list[tuple[float, float]] = []
    async with bare_reads(up.database_url) as plain:
        reads = [request(f"{plain}/rows/{key}") for key in keys]
        for requests in (look, reads):
            chance.shuffle(requests)
        for number in range(_ROUNDS):
            baseline = await _rate(plain, reads)
            looked = await _rate(up.url, look)
            outcome = await measure(up.url, merge[number * _MERGES : (number + 1) * _MERGES], seconds=60, once=True)
            if outcome.bad or outcome.answers != _MERGES:
                raise RuntimeError(f"{outcome.bad} of {outcome.answers} merges were not good")
            resolved.append((looked, baseline))
            merged.append((outcome.rate, looked))
    note = "one uvicorn worker, five million identities"
    return [
        of_rounds("resolve", resolved, goal=0.7, unit="req/s", note=f"against a bare read; {note}"),
        of_rounds("merge two profiles", merged, goal=0.2, unit="req/s", note=f"against resolve; {note}, durable"),
    ]


async def _in_a_crowd(up: Alone) -> Row:
    """A touchpoint that comes late, for somebody new on a device that many people use, and on one of their own."""
    start, tablet = datetime(2026, 1, 1, tzinfo=UTC), ("device_id", "everybodys")
    policy, times = Policy(Guards(), "TW"), list[tuple[float, float]]()
    connection = await asyncpg.connect(**connect_arguments(up.database_url))

    def seen(number: int, *identifiers: tuple[str, str]) -> ReceivedEvent:
        at = start + timedelta(minutes=number)
        given = [{"kind": kind, "value": value} for kind, value in identifiers]
        data = {"touchpoint_id": f"{number}", "identity_id": identity_id(*identifiers[0]), "identifiers": given}
        data |= {"type": "track", "occurred_at": at, "source": "benchmark", "data": {}}
        return ReceivedEvent("1-1-1", "touchpoint.recorded", at, msgspec.Raw(msgspec.json.encode(data)))

    async def deliver(*events: ReceivedEvent) -> float:
        began = time.perf_counter()
        async with connection.transaction():
            await interaction.apply(connection, policy, events)
        return (time.perf_counter() - began) * 1000

    try:
        crowd = [seen(2 * number, ("user_id", f"crowd-{number}"), tablet) for number in range(_CROWD)]
        await deliver(*crowd)
        for number in range(_LATE):
            at = 2 * (number * 37 % _CROWD) + 101
            late = await deliver(seen(at, ("user_id", f"late-{number}"), tablet))
            times.append((late, await deliver(seen(at, ("user_id", f"own-{number}"), ("device_id", f"own-{number}")))))
    finally:
        await connection.close()
    note = "recorded late, for somebody new; against one on a device of their own"
    return of_rounds(
        f"touchpoint on a device of {_CROWD:,} people", times, goal=5, unit="ms", note=note, better="lower"
    )


async def _rate(url: str, requests: Sequence[bytes]) -> float:
    outcome = await measure(url, requests, seconds=_SECONDS)
    if outcome.bad:
        raise RuntimeError(f"{outcome.bad} of {outcome.answers} answers were not good")
    return outcome.rate


async def _with_history() -> list[Row]:
    users = ("long-1", "long-2")
    merges: list[float] = []
    unmerges: list[float] = []
    body = {end: {"kind": "user_id", "value": user} for end, user in zip("ab", users, strict=True)}
    async with stack() as up, Company(up.info) as company:
        for user in users:
            await history(up, company, user, _TOUCHPOINTS)

        async def count(size: int) -> None:
            """Wait until both lead to so many touchpoints."""

            async def counted() -> bool:
                found = []
                for user in users:
                    place = f"/v1/profiles/{await company.resolve('user_id', user)}/context"
                    found.append(good(await company.interactions.get(place))["history"]["touchpoints"])
                return found == [size, size]

            await until(counted, f"{size} touchpoints are counted", patience=120)

        for _ in range(11):
            began = time.perf_counter()
            link = good(await company.profiles.post("/v1/links", json=body))
            merges.append((time.perf_counter() - began) * 1000)
            await count(2 * _TOUCHPOINTS)
            began = time.perf_counter()
            good(await company.profiles.delete(f"/v1/links/{link['link_id']}"))
            unmerges.append((time.perf_counter() - began) * 1000)
            await count(_TOUCHPOINTS)
    note = "the call; each time the history is read as one, then as two"
    return [
        Row(f"{name}, 100,000 touchpoints each", median(times), None, None, 50, "ms", note, "lower")
        for name, times in (("merge", merges), ("unmerge", unmerges))
    ]
