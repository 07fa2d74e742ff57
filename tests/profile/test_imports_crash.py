"""I9: an import that is killed in the middle goes on where it was: nothing lost, nothing twice, counts exact."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from profile_service.imports.preparing import PROCESS_FROM
from rapport.database import Database
from rapport.tokens import KeyStore

from tests.conftest import DatabaseFactory, TokenFactory
from tests.profile.lists import SPEC, Lists
from tests.support.polling import eventually
from tests.support.processes import SpawnedService, spawn_service

ROWS = 8_000
BAD = 13
FILLING = "x" * 460
MAPPING = {**SPEC["mapping"], "Street": {"trait": "address.street"}, "Note": {"ignore": True}}


def long_list() -> str:
    """Every 13th row has no valid address; every 50th repeats the person before."""
    lines = ["E-mail,Mobile,First,Last,Street,Note"]
    for number in range(1, ROWS + 1):
        person = number - 1 if number % 50 == 0 else number
        mail = "nobody" if number % BAD == 0 else f"p{person}@example.org"
        lines.append(f"{mail},+8869{person:08},Given{person},Family{person % 97},{number} Main Street,{FILLING}")
    return "\n".join(lines)


@pytest.fixture
async def service(
    database: DatabaseFactory, keys: KeyStore, tmp_path: Path
) -> AsyncIterator[tuple[SpawnedService, Database]]:
    """A process that answers and works; the others are not there."""
    url = await database("profile")
    nowhere = "http://127.0.0.1:9"
    environment = {
        "PROFILE_DATABASE_URL": url,
        "RAPPORT_JWKS_FILE": str(keys.jwks_path),
        "RAPPORT_DATA_DIR": str(tmp_path),
        "RAPPORT_INTERACTION_URL": nowhere,
        "RAPPORT_CAMPAIGN_URL": nowhere,
        "RAPPORT_DEFAULT_COUNTRY": "TW",
    }
    opened = Database(url)
    await opened.open()
    try:
        async with spawn_service("profile", environment) as running:
            yield running, opened
    finally:
        await opened.close()


async def test_i9_an_import_killed_in_the_middle_goes_on_where_it_was(
    service: tuple[SpawnedService, Database], token: TokenFactory
) -> None:
    running, database = service
    header = {"Authorization": f"Bearer {token('profiles:read', 'profiles:write', 'profiles:pii')}"}
    content = long_list()
    assert len(content) > PROCESS_FROM
    async with httpx.AsyncClient(base_url=running.url, headers=header, timeout=60) as client:
        lists = Lists.over(client)
        started = await lists.start(content, {**SPEC, "mapping": MAPPING})

        async def read_some() -> int:
            return int((await lists.read(started["id"]))["rows"])

        await eventually(read_some, deadline=60)
        await running.kill()
        stood = await database.pool.fetchrow("SELECT rows, done FROM list_import JOIN job USING (job_id)")
        assert stood is not None
        assert 0 < stood["rows"] == stood["done"] < ROWS
        # As if the lease had run out by now.
        await database.pool.execute("UPDATE job SET leased_until = now() WHERE state = 'running'")
        await running.start()

        async def ended() -> bool:
            return bool((await lists.read(started["id"]))["state"] == "succeeded")

        await eventually(ended, deadline=90)
        done = await lists.read(started["id"])
        faults = await lists.faults(started["id"])
    rejected = [number for number in range(1, ROWS + 1) if number % BAD == 0]
    assert (done["rows"], done["accepted"], done["rejected"]) == (ROWS, ROWS - len(rejected), len(rejected))
    assert [int(each["row"]) for each in faults] == rejected
    accepted = {number - 1 if number % 50 == 0 else number for number in range(1, ROWS + 1) if number % BAD}
    counted = await database.pool.fetchrow("""
        SELECT count(*) AS identities, count(DISTINCT profile_id) AS profiles,
               (SELECT count(*) FROM link WHERE state = 'accepted') AS links,
               (SELECT count(*) FROM fact WHERE key = 'family_name') AS names,
               (SELECT count(*) FROM list_membership) AS memberships,
               (SELECT count(*) FROM import_file_part) AS parts
        FROM identity
    """)
    people = len(accepted)
    assert counted is not None
    assert dict(counted) == {
        "identities": 2 * people,
        "profiles": people,
        "links": people,
        "names": people,
        "memberships": 2 * people,
        "parts": 0,
    }


async def test_i9_a_running_import_can_be_called_off_and_what_it_took_in_stays(
    service: tuple[SpawnedService, Database], token: TokenFactory
) -> None:
    running, database = service
    header = {"Authorization": f"Bearer {token('profiles:read', 'profiles:write')}"}
    async with httpx.AsyncClient(base_url=running.url, headers=header, timeout=60) as client:
        lists = Lists.over(client)
        started = await lists.start(long_list(), {**SPEC, "mapping": MAPPING})

        async def state() -> str:
            return str((await lists.read(started["id"]))["state"])

        async def begun() -> bool:
            return bool((await lists.read(started["id"]))["rows"])

        await eventually(begun, deadline=60)
        assert (await client.post(f"/v1/jobs/{started['job_id']}/cancel")).status_code == 200

        async def stopped() -> bool:
            return await state() == "cancelled"

        await eventually(stopped, deadline=30)
        done = await lists.read(started["id"])
        job = (await client.get(f"/v1/jobs/{started['job_id']}")).json()
    assert 0 < done["rows"] == job["done"] < ROWS
    assert done["accepted"] + done["rejected"] == done["rows"]
    identities = await database.pool.fetchval("SELECT count(DISTINCT profile_id) FROM identity")
    assert 0 < identities <= done["accepted"]

    async def let_go() -> bool:
        # Workers that look for something to do hold locks for a moment as well.
        return not await database.pool.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")

    await eventually(let_go)
    assert not await asyncio.to_thread(_readers_of, running.pid)


def _readers_of(pid: int) -> list[str]:
    """Command lines of processes that a service started to read files and that still run."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            status = (folder / "stat").read_text().rpartition(")")[2].split()
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if int(status[1]) == pid and status[0] != "Z" and "imports.preparing" in command:
            found.append(command)
    return found
