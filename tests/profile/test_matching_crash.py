"""I5: a match run that is killed in the middle is done again: the same links, none twice, candidates offered once."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from profile_service.jobs.worker import do_next
from profile_service.main import create_app
from profile_service.matching.runs import match_run
from profile_service.settings import ProfileSettings
from rapport.database import Database
from rapport.tokens import KeyStore

from tests.conftest import DatabaseFactory, TokenFactory
from tests.profile.people import namesakes
from tests.support.http import serve
from tests.support.polling import eventually
from tests.support.processes import spawn_service

SURE = 105  # more than are linked in one transaction
DOUBTFUL = 3
NAMESAKES = 35  # pairs among those sure
# The second transaction that links waits for whoever holds this lock.
_PAUSE = """
    CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (SELECT count(*) FROM link WHERE kind = 'match') > 100 THEN PERFORM pg_advisory_xact_lock(5499); END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER pause AFTER INSERT ON link FOR EACH STATEMENT EXECUTE FUNCTION pause();
"""


def persons() -> list[dict[str, Any]]:
    """Each recorded twice: some with birth date and address, among them namesakes, some by name alone."""
    sure = [
        {
            "given_name": each.given_name,
            "family_name": each.family_name,
            "birth_date": each.birth_date,
            "address": {"street": each.street, "city": each.city, "postcode": each.postcode},
        }
        for each in namesakes(SURE).records
    ]
    doubtful = [{"given_name": f"Zebedee{each}", "family_name": f"Quatermain{each}"} for each in "abc"[:DOUBTFUL]]
    return [*sure, *doubtful * 2]


async def fill(client: httpx.AsyncClient) -> None:
    """Create all profiles."""
    for traits in persons():
        response = await client.post("/v1/profiles", json={"kind": "person", "traits": traits})
        assert response.status_code == 201, response.text


async def assert_done_once(database: Database) -> None:
    """Everybody is linked once, and who is doubtful is offered once."""
    counted = await database.pool.fetchrow("""
        SELECT count(DISTINCT profile_id) AS profiles,
               (SELECT count(*) FROM link WHERE kind = 'match') AS links,
               (SELECT count(DISTINCT (a, b)) FROM link WHERE kind = 'match' AND state = 'accepted') AS pairs,
               (SELECT count(*) FROM match_candidate) AS candidates,
               (SELECT count(DISTINCT (a, b)) FROM match_candidate WHERE state = 'open') AS offered
        FROM identity
    """)
    assert counted is not None
    assert dict(counted) == {
        "profiles": SURE + 2 * DOUBTFUL,
        "links": SURE,
        "pairs": SURE,
        "candidates": DOUBTFUL + NAMESAKES,
        "offered": DOUBTFUL + NAMESAKES,
    }


async def test_i5_a_worker_killed_while_it_links_is_followed_by_one_that_links_the_rest(
    database: DatabaseFactory, keys: KeyStore, token: TokenFactory, tmp_path: Path
) -> None:
    url, nowhere = await database("profile"), "http://127.0.0.1:9"
    environment = {
        "PROFILE_DATABASE_URL": url,
        "RAPPORT_JWKS_FILE": str(keys.jwks_path),
        "RAPPORT_DATA_DIR": str(tmp_path),
        "RAPPORT_INTERACTION_URL": nowhere,
        "RAPPORT_CAMPAIGN_URL": nowhere,
    }
    headers = {"Authorization": f"Bearer {token('profiles:read', 'profiles:write', 'profiles:pii')}"}
    opened = Database(url)
    await opened.open()
    try:
        await opened.pool.execute(_PAUSE)
        async with (
            spawn_service("profile", environment) as running,
            httpx.AsyncClient(base_url=running.url, headers=headers, timeout=60) as client,
        ):
            await fill(client)
            async with opened.pool.acquire() as holder:
                await holder.execute("SELECT pg_advisory_lock(5499)")
                job = (await client.post("/v1/match-runs")).headers["location"]

                async def paused() -> bool:
                    waiting = "SELECT count(*) FROM pg_locks WHERE objid = 5499 AND NOT granted"
                    return bool(await opened.pool.fetchval(waiting))

                await eventually(paused, deadline=120)
                await running.kill()
                await holder.execute("SELECT pg_advisory_unlock(5499)")
            assert await opened.pool.fetchval("SELECT count(*) FROM link WHERE kind = 'match'") == 100
            assert len(list((tmp_path / "profile").glob("match-*"))) == 1
            # As if the lease had run out by now.
            await opened.pool.execute("UPDATE job SET leased_until = now() WHERE state = 'running'")
            await running.start()

            async def ended() -> bool:
                return bool((await client.get(job)).json()["state"] == "succeeded")

            await eventually(ended, deadline=120)
            await assert_done_once(opened)
            # Nor does the work of the one that was killed lie about.
            assert list((tmp_path / "profile").glob("match-*")) == []
    finally:
        await opened.close()


@pytest.fixture
async def app(
    database: DatabaseFactory, keys: KeyStore, token: TokenFactory, tmp_path: Path
) -> AsyncIterator[tuple[FastAPI, httpx.AsyncClient]]:
    """A profile-service whose jobs the test does itself."""
    settings = ProfileSettings(
        database_url=await database("profile"), role="api", jwks_file=keys.jwks_path, data_dir=tmp_path
    )
    made = create_app(settings)
    headers = {"Authorization": f"Bearer {token('profiles:read', 'profiles:write')}"}
    async with serve(made) as base, httpx.AsyncClient(base_url=base, headers=headers, timeout=60) as client:
        yield made, client


async def test_i5_the_process_that_compares_is_started_again_when_it_is_killed(
    app: tuple[FastAPI, httpx.AsyncClient],
) -> None:
    made, client = app
    await fill(client)
    job = (await client.post("/v1/match-runs")).headers["location"]
    work = asyncio.create_task(do_next(made, made.state.database, "match_run", match_run, alone=True))

    async def comparing() -> list[int]:
        return await asyncio.to_thread(_comparing)

    first = await eventually(comparing, deadline=60, every=0.02)
    os.kill(first[0], signal.SIGKILL)
    assert await work
    assert (await client.get(job)).json()["state"] == "succeeded"
    await assert_done_once(made.state.database)


def _comparing() -> list[int]:
    """Processes of this one that compare records."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if parent == os.getpid() and b"profile_service.matching.linkage" in command:
            found.append(int(folder.name))
    return found
