"""I9: batches on their way at the same time, and others at work on the same people: nothing lost, nothing twice."""

import asyncio
import random
from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

import pytest
from profile_service.imports.conveyor import Conveyor
from profile_service.imports.taking import List
from profile_service.jobs.errors import LeaseLost
from profile_service.jobs.worker import RunningJob
from profile_service.ledger.strangers import Strangers
from rapport.database import Connection
from rapport.identity import identity_id

from tests.profile.conftest import Profiles
from tests.profile.test_strangers import GUARDS, Person, a_list, batch_of

ROWS_AT_ONCE = 12


class Steps:
    """Stands for the job: notes how far it is said to be, and can lose its lease."""

    def __init__(self, until: int | None = None) -> None:
        self.said: list[int] = []
        self._until = until

    async def advance(
        self, connection: Connection, done: int, total: int | None, checkpoint: Mapping[str, Any] | None
    ) -> None:
        assert connection.is_in_transaction()
        assert (total, checkpoint) == (total, {"row": done})
        if self._until is not None and done > self._until:
            raise LeaseLost
        self.said.append(done)


async def carry(profiles: Profiles, steps: Steps, rows: list[Person]) -> List:
    async with profiles.database.transaction() as connection:
        listed = await a_list(connection)
    listed.strangers = Strangers(GUARDS)
    conveyor = Conveyor(profiles.database, cast("RunningJob", steps), listed)
    try:
        for first in range(0, len(rows), ROWS_AT_ONCE):
            await conveyor.put(batch_of("s", rows[first : first + ROWS_AT_ONCE], first), len(rows))
        await conveyor.finish()
    finally:
        await conveyor.close()
    return listed


@pytest.mark.parametrize("people", [15, 4_000])
async def test_i9_batches_and_others_work_on_the_same_people(profiles: Profiles, people: int) -> None:
    dice, steps = random.Random(people), Steps()
    rows: list[Person] = []
    for _ in range(240):
        person = dice.randrange(people)
        rows.append(([("email", f"p{person}"), ("loyalty_card", f"p{person}")], f"name{person}"))

    async def others() -> None:
        for person in dice.sample(range(people), min(people, 60)):
            await profiles.resolve(("loyalty_card", f"s-p{person}"))

    listed, _ = await asyncio.gather(carry(profiles, steps, rows), others())
    # What did not go well the first time was said again, and does not count twice.
    assert sorted(set(steps.said)) == list(range(ROWS_AT_ONCE, 241, ROWS_AT_ONCE))
    met = {value for pairs, _ in rows for _, value in pairs}
    where = await profiles.map()
    for value in met:
        ids = [identity_id(kind, f"s-{value}") for kind in ("email", "loyalty_card")]
        assert len({where[each] for each in ids}) == 1
    pool = profiles.database.pool
    counts = await pool.fetchrow("SELECT rows, accepted FROM list_import WHERE import_id = $1", listed.import_id)
    assert counts is not None
    assert tuple(counts) == (240, 240)
    assert await pool.fetchval("SELECT count(*) FROM fact") == len(met)
    assert await pool.fetchval("SELECT count(*) FROM link WHERE state = 'accepted'") == len(met)
    assert await pool.fetchval("SELECT count(*) FROM list_membership") == 2 * len(met)


async def test_i9_two_lists_of_the_same_people_at_once(profiles: Profiles) -> None:
    dice = random.Random(7)
    rows: list[Person] = [
        ([("email", f"p{person}"), ("loyalty_card", f"p{person}")], f"name{person}") for person in range(60)
    ]
    # Twice each, in another order each time: batches of the two lists want the same people the other way round.
    lists = [dice.sample(rows + rows, 2 * len(rows)) for _ in range(2)]
    taken = await asyncio.gather(*(carry(profiles, Steps(), each) for each in lists))
    where, pool = await profiles.map(), profiles.database.pool
    assert len(set(where.values())) == len(rows)
    assert len(where) == 2 * len(rows)
    for listed in taken:
        counts = await pool.fetchrow("SELECT rows, accepted FROM list_import WHERE import_id = $1", listed.import_id)
        assert counts is not None
        assert tuple(counts) == (120, 120)
    assert await pool.fetchval("SELECT count(*) FROM fact") == len(rows)
    assert await pool.fetchval("SELECT count(*) FROM link WHERE state = 'accepted'") == len(rows)
    assert await pool.fetchval("SELECT count(*) FROM list_membership") == 4 * len(rows)


async def test_i9_nothing_behind_a_lost_lease_is_committed(profiles: Profiles) -> None:
    rows: list[Person] = [([("email", f"p{number}")], "x") for number in range(120)]
    with pytest.raises(LeaseLost):
        await carry(profiles, Steps(until=48), rows)
    pool = profiles.database.pool
    assert await pool.fetchval("SELECT rows FROM list_import") == 48
    assert await pool.fetchval("SELECT count(*) FROM identity") == 48
    assert await pool.fetchval("SELECT count(*) FROM fact") == 48
    assert {UUID(int=each.int) for each in await profiles.map()} == {
        identity_id("email", f"s-p{number}") for number in range(48)
    }
    assert await pool.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0
