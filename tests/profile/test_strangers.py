"""I9: people taken in at once end as those taken in one by one would: same profiles, links, facts and events."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from profile_service.imports import repository
from profile_service.imports.preparing import Batch
from profile_service.imports.rules import Identity
from profile_service.imports.taking import List, settle, tell
from profile_service.ledger.guards import Guards
from profile_service.ledger.records import Evidence, Plan, Sighting, View
from profile_service.ledger.rules import Edge, Node, partition
from profile_service.ledger.service import record
from profile_service.ledger.strangers import Strangers, new_ids
from rapport.database import Connection, Database
from rapport.identity import identity_id

from tests.profile.conftest import Profiles

NOW = datetime(2026, 5, 1, tzinfo=UTC)
KINDS = ("user_id", "email", "email", "phone", "phone", "loyalty_card", "device_id", "anonymous_id")
GUARDS = Guards(maximum={"user_id": 1, "email": 2, "phone": 2, "device_id": 1}, identities=5)
Person = tuple[list[tuple[str, str]], str]


def people(dice: random.Random, size: int, values: int) -> list[Person]:
    """Rows of a list: identifiers out of few or many values, and a family name."""
    found = []
    for _ in range(size):
        kinds = dice.choices(KINDS, k=dice.choice((0, 1, 1, 2, 2, 2, 3, 4)))
        pairs = list(dict.fromkeys((kind, str(dice.randrange(values))) for kind in kinds))
        found.append((pairs, f"name{dice.randrange(3)}"))
    return found


def batch_of(salt: str, rows: Sequence[Person], first: int) -> Batch:
    """As the reader would make it; value 7 is one that many people share."""
    batch = Batch(first + len(rows), [], [], [[], []], [])
    for number, (pairs, name) in enumerate(rows, first + 1):
        found = []
        for kind, value in pairs:
            text = "noreply@x.example" if value == "7" and kind == "email" else f"{salt}-{value}"
            found.append(Identity(kind, text, identity_id(kind, text), GUARDS.blocks(kind, text)))
        batch.numbers.append(number)
        batch.identities.append(sorted(found, key=lambda each: (each.blocked, each.kind, each.value)))
        batch.values[0].append(msgspec.json.encode(name).decode())
        batch.values[1].append(None)
    return batch


async def a_list(connection: Connection) -> List:
    import_id = uuid4()
    await connection.execute(
        "INSERT INTO list_import (import_id, job_id, source, country, mapping, file_name, file_size, file_format, "
        "created_by) VALUES ($1, $1, 'test', 'TW', '{}', '', 0, '{}', 'test')",
        import_id,
    )
    return List(import_id, "test", None, NOW, ["family_name", "given_name"], Strangers(GUARDS))


async def known_before(connection: Connection, dice: random.Random, salt: str, values: int) -> None:
    """Some identifiers are known already, two and two, some of them from later on."""
    for _ in range(3):
        kinds = dice.sample(("user_id", "email", "phone", "loyalty_card"), 2)
        pair = [
            Sighting(identity_id(kind, f"{salt}-{value}"), kind, f"{salt}-{value}", at)
            for kind, value, at in zip(kinds, dice.sample(range(values), 2), moments(dice), strict=False)
        ]
        link = Evidence(pair[0].identity_id, pair[1].identity_id, "same_call", "test", max(x.seen_at for x in pair))

        def plan(_: View, link: Evidence = link) -> Plan:
            return Plan(evidence=[link])

        async with connection.transaction():
            await record(connection, GUARDS, pair, plan)


def moments(dice: random.Random) -> list[datetime]:
    """Two times, each before or after the list."""
    return [NOW + timedelta(days=dice.choice((-9, 9))) for _ in range(2)]


async def take(connection: Connection, listed: List, batch: Batch, *, careful: bool) -> None:
    async with connection.transaction():
        await settle(connection, await tell(connection, listed, batch, careful=careful))


async def world(database: Database, seed: int, salt: str, *, careful: bool) -> dict[str, Any]:
    """What the same rows of the same lists come to; a `salt` keeps several worlds in one database apart."""
    dice = random.Random(seed)
    values = dice.choice((6, 30, 2_000))
    async with database.pool.acquire() as connection:
        await connection.execute("TRUNCATE identity, link, fact, outbox, list_membership, cannot_link")
        await known_before(connection, dice, salt, min(values, 40))
        await connection.execute("TRUNCATE outbox")
        for _ in range(2):
            listed, first = await a_list(connection), 0
            rows = people(dice, dice.randint(1, 40), values)
            for part in (rows[:15], rows[15:], rows[:5]):
                await take(connection, listed, batch_of(salt, part, first), careful=careful)
                first += len(part)
        return await picture(connection, salt)


async def picture(connection: Connection, salt: str) -> dict[str, Any]:
    """The ledger with every id replaced by what it stands for; anchors by their number in order."""
    rows = await connection.fetch("SELECT * FROM identity ORDER BY kind, value")
    names: dict[UUID, str] = {
        row["identity_id"]: "anchor" if row["kind"] == "profile" else f"{row['kind']}:{row['value'].replace(salt, '')}"
        for row in rows
    }
    profiles: dict[UUID, list[str]] = {}
    for row in rows:
        profiles.setdefault(row["profile_id"], []).append(names[row["identity_id"]])
    links = await connection.fetch("SELECT * FROM link")
    facts = await connection.fetch("SELECT * FROM fact")
    listed = await connection.fetch("SELECT identity_id FROM list_membership")
    events = [
        event
        for each in await connection.fetch("SELECT events FROM outbox ORDER BY xid, sequence")
        for event in msgspec.json.decode(each["events"])
    ]
    made = await connection.fetch("SELECT import_id FROM list_import ORDER BY created_at DESC LIMIT 2")
    lists = {row["import_id"]: turn for turn, row in enumerate(made)}
    ends = [(row, sorted((names[row["a"]], names[row["b"]]))) for row in links]
    told = [(row, names[row["identity_id"]]) for row in facts]
    return {
        "profiles": sorted(sorted(members) for members in profiles.values()),
        "times": sorted(
            (names[row["identity_id"]], row["first_seen"], row["last_evidence_at"])
            for row in rows
            if row["last_evidence_at"]
        ),
        "links": sorted((*pair, row["kind"], row["state"], *row["guards"], row["confidence"]) for row, pair in ends),
        "facts": sorted(
            (who, row["key"], row["value"], row["digest"], row["origin"], row["confidence"], lists[row["import_id"]])
            for row, who in told
        ),
        "listed": sorted(names[row["identity_id"]] for row in listed),
        "events": shape(events, names),
    }


def shape(events: Sequence[Mapping[str, Any]], names: Mapping[UUID, str]) -> dict[str, Any]:
    """Events without their ids, as many as there are of each."""
    linked = Counter(
        (each["type"], *sorted((names[UUID(each["data"]["a"])], names[UUID(each["data"]["b"])])), each["data"]["kind"])
        for each in events
        if each["type"].startswith("identity.") and "a" in each["data"]
    )
    assigned = {
        (names[UUID(one["identity_id"])], one["kind"])
        for each in events
        if each["type"] == "identity.assigned"
        for one in each["data"]["assignments"]
    }
    created = Counter((each["type"], each["data"]["kind"]) for each in events if each["type"] == "profile.created")
    members = {tuple(sorted(each["data"])) for each in events if each["type"] in {"profile.created", "identity.linked"}}
    return {"linked": linked, "assigned": assigned, "created": created, "members": members}


@pytest.mark.parametrize("seed", range(12))
async def test_i9_at_once_or_one_by_one_comes_to_the_same(profiles: Profiles, seed: int) -> None:
    at_once = await world(profiles.database, seed, "aa", careful=False)
    one_by_one = await world(profiles.database, seed, "aa", careful=True)
    assert at_once == one_by_one


async def test_i9_the_quick_way_is_taken_where_nobody_is_known(
    profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    met: list[int] = []

    async def noted(to: Connection, guards: Guards, sightings: Sequence[Sighting], *rest: Any, **more: Any) -> Any:
        met.append(len(sightings))
        return await record(to, guards, sightings, *rest, **more)

    monkeypatch.setattr("profile_service.imports.taking.record", noted)
    rows = [([("email", str(n)), ("phone", str(n))], "x") for n in range(100, 140)]
    async with profiles.database.pool.acquire() as connection:
        listed = await a_list(connection)
        for _ in range(2):
            await take(connection, listed, batch_of("s", rows, 0), careful=False)
        assert met == [0]
        assert await connection.fetchval("SELECT count(DISTINCT profile_id) FROM identity") == 40
        assert len(await repository.known(connection, [identity_id("email", "s-100")])) == 1


def test_i9_what_fits_is_what_the_rules_accept_in_any_order() -> None:
    strangers, dice = Strangers(GUARDS), random.Random(1)
    for _ in range(300):
        kinds = dice.choices(KINDS, k=dice.randint(1, 5))
        ids = [UUID(int=dice.getrandbits(128)) for _ in kinds]
        nodes = [Node(each, kind) for each, kind in zip(ids, kinds, strict=True)]
        edges = [Edge(NOW, "import", min(ids[0], each), max(ids[0], each)) for each in ids[1:]]
        found = partition(nodes, edges, (), GUARDS)
        if strangers.fits(kinds):
            assert len(found.components) == 1
            assert all(verdict.accepted and not verdict.guards for verdict in found.verdicts.values())
        assert not (strangers.fits(kinds) and kinds.count("user_id") > 1)
    assert strangers.fits(["email", "phone"])


def test_i9_ids_made_here_are_as_the_server_makes_them() -> None:
    made = new_ids(5_000)
    assert len(set(made)) == 5_000
    assert made == sorted(made)
    assert {each.version for each in made} == {7}
    assert {each.variant for each in made} == {"specified in RFC 4122"}
    age = datetime.now(UTC).timestamp() - (made[0].int >> 80) / 1000
    assert abs(age) < 60
