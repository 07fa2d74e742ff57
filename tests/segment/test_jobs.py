"""Long work: done once, resumed where it was left, called off, not lost with the process that does it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from rapport.database import Database
from rapport.errors import Invalid
from rapport.tokens import KeyStore
from segment_service.jobs import service
from segment_service.jobs.errors import LeaseLost
from segment_service.jobs.worker import TRIES, RunningJob, do_next
from segment_service.standing.repository import take_turn

from tests.conftest import DatabaseFactory, TokenFactory
from tests.segment.conftest import Segments
from tests.support.polling import eventually
from tests.support.processes import spawn_service

APP = FastAPI()


@pytest.fixture
async def store(segments: Segments) -> AsyncIterator[Database]:
    opened = Database(segments.database_url)
    await opened.open()
    yield opened
    await opened.close()


async def submit(store: Database, **spec: Any) -> UUID:
    async with store.transaction() as connection:
        return (await service.submit(connection, "count", spec)).job_id


async def read(segments: Segments, job_id: UUID) -> dict[str, Any]:
    response = await segments.client.get(f"/v1/jobs/{job_id}")
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def expire(store: Database, job_id: UUID) -> None:
    """What the end of a worker that was killed looks like to others once its lease is over."""
    await store.pool.execute("UPDATE job SET leased_until = now() - interval '1 s' WHERE job_id = $1", job_id)


async def counted(_app: FastAPI, job: RunningJob) -> Mapping[str, Any]:
    return {"counted": job.spec["to"]}


async def test_a_job_is_done_once_and_says_what_came_of_it(segments: Segments, store: Database) -> None:
    job_id = await submit(store, to=3)
    waiting = await read(segments, job_id)
    assert (waiting["state"], waiting["done"], waiting["total"], waiting["error"]) == ("queued", 0, None, None)
    turns = await asyncio.gather(*(do_next(APP, store, "count", counted) for _ in range(8)))
    assert sum(turns) == 1
    done = await read(segments, job_id)
    assert (done["state"], done["result"], done["error"]) == ("succeeded", {"counted": 3}, None)
    assert done["finished_at"] >= done["started_at"] >= done["created_at"]


async def test_a_job_left_by_a_killed_worker_goes_on_from_its_checkpoint(segments: Segments, store: Database) -> None:
    job_id = await submit(store, to=10)
    stuck = asyncio.Event()
    seen: list[Mapping[str, Any] | None] = []

    async def half(_app: FastAPI, job: RunningJob) -> None:
        async with store.transaction() as connection:
            await job.advance(connection, 5, 10, {"row": 5})
        stuck.set()
        await asyncio.Event().wait()

    async def rest(_app: FastAPI, job: RunningJob) -> None:
        seen.append(job.checkpoint)
        await job.advance(store.pool, 10)

    first = asyncio.create_task(do_next(APP, store, "count", half))
    await stuck.wait()
    assert not await do_next(APP, store, "count", rest)
    await expire(store, job_id)
    assert await do_next(APP, store, "count", rest)
    # The one that comes back to life finds the job done and changes nothing.
    assert await first
    job = await read(segments, job_id)
    assert (job["state"], job["done"], job["total"]) == ("succeeded", 10, 10)
    assert seen == [{"row": 5}]


async def test_what_a_worker_writes_after_losing_its_lease_does_not_commit(segments: Segments, store: Database) -> None:
    job_id = await submit(store, to=1)

    async def late(_app: FastAPI, job: RunningJob) -> None:
        await expire(store, job_id)
        assert await do_next(APP, store, "count", counted)
        async with store.transaction() as connection:
            await service.submit(connection, "twice", {})
            with pytest.raises(LeaseLost):
                await job.advance(connection, 1)
            await job.advance(connection, 1)

    assert await do_next(APP, store, "count", late)
    assert await store.pool.fetchval("SELECT count(*) FROM job WHERE kind = 'twice'") == 0
    assert (await read(segments, job_id))["state"] == "succeeded"


async def test_a_process_that_stops_leaves_its_job_to_the_next_at_once(segments: Segments, store: Database) -> None:
    job_id = await submit(store, to=1)
    started = asyncio.Event()

    async def endless(_app: FastAPI, _job: RunningJob) -> None:
        started.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(do_next(APP, store, "count", endless))
    await started.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (await read(segments, job_id))["state"] == "queued"
    assert await do_next(APP, store, "count", counted)
    assert (await read(segments, job_id))["state"] == "succeeded"


async def test_jobs_are_called_off_whether_they_wait_or_run(segments: Segments, store: Database) -> None:
    waiting = await submit(store, to=1)
    response = await segments.client.post(f"/v1/jobs/{waiting}/cancel")
    assert (response.status_code, response.json()["state"]) == (200, "cancelled")
    running = await submit(store, to=1)

    async def endless(_app: FastAPI, _job: RunningJob) -> None:
        response = await segments.client.post(f"/v1/jobs/{running}/cancel")
        assert (response.json()["state"], response.json()["cancel_requested"]) == ("running", True)
        await asyncio.Event().wait()

    assert await do_next(APP, store, "count", endless, lease_seconds=0.4)
    assert (await read(segments, running))["state"] == "cancelled"
    again = await segments.client.post(f"/v1/jobs/{running}/cancel")
    assert again.status_code == 200
    assert not await do_next(APP, store, "count", counted)


async def test_failures_are_told_and_ended_jobs_are_not_called_off(segments: Segments, store: Database) -> None:
    job_id = await submit(store, to=1)

    async def refuse(_app: FastAPI, _job: RunningJob) -> None:
        raise Invalid("Row 7 has no name.")

    await do_next(APP, store, "count", refuse)
    job = await read(segments, job_id)
    assert (job["state"], job["error"]) == ("failed", "Row 7 has no name.")
    response = await segments.client.post(f"/v1/jobs/{job_id}/cancel")
    assert (response.status_code, response.json()["type"]) == (409, "urn:rapport:problem:job-finished")
    assert (await segments.client.get(f"/v1/jobs/{uuid4()}")).status_code == 404


async def test_a_job_that_kills_every_worker_is_given_up(segments: Segments, store: Database) -> None:
    job_id = await submit(store, to=1)
    await store.pool.execute(
        "UPDATE job SET state = 'running', attempts = $2, lease = gen_random_uuid(), "
        "leased_until = now() - interval '1 s' WHERE job_id = $1",
        job_id,
        TRIES,
    )
    assert await do_next(APP, store, "count", counted)
    job = await read(segments, job_id)
    assert job["state"] == "failed"
    assert "interrupted" in job["error"]


async def test_kinds_that_work_alone_wait_for_each_other_and_shared_requests_are_one_job(
    segments: Segments, store: Database
) -> None:
    async with store.transaction() as connection:
        asked = [(await service.submit(connection, "count", {"to": 1}, shared=True)).job_id for _ in range(2)]
    assert asked[0] == asked[1]
    second = await submit(store, to=2)
    inside: list[bool] = []

    async def outer(_app: FastAPI, _job: RunningJob) -> None:
        inside.append(await do_next(APP, store, "count", counted, alone=True))

    assert await do_next(APP, store, "count", outer, alone=True)
    assert inside == [False]
    assert (await read(segments, second))["state"] == "queued"


async def test_a_recomputation_survives_kill_9(
    database: DatabaseFactory, keys: KeyStore, token: TokenFactory, tmp_path: Path
) -> None:
    url = await database("segment")
    nowhere = "http://127.0.0.1:9"
    environment = {
        "SEGMENT_DATABASE_URL": url,
        "RAPPORT_JWKS_FILE": str(keys.jwks_path),
        "RAPPORT_DATA_DIR": str(tmp_path),
        "RAPPORT_INTERACTION_URL": nowhere,
        "RAPPORT_PROFILE_URL": nowhere,
    }
    header = {"Authorization": f"Bearer {token('segments:read', 'segments:write')}"}
    store = Database(url)
    await store.open()
    async with (
        spawn_service("segment", environment) as running,
        httpx.AsyncClient(base_url=running.url, headers=header, timeout=60) as client,
    ):

        async def state() -> str:
            return str((await client.get(location)).json()["state"])

        async with store.transaction() as turn:
            # Whoever ranks has to wait for its turn: the process is killed in the middle.
            await take_turn(turn)
            asked = await client.post("/v1/recomputations", headers={"Idempotency-Key": "once"})
            location = asked.headers["location"]

            async def runs() -> bool:
                return await state() == "running"

            await eventually(runs)
            await running.kill()
        await store.pool.execute("UPDATE job SET leased_until = now() WHERE state = 'running'")
        await running.start()

        async def done() -> bool:
            return await state() == "succeeded"

        await eventually(done, deadline=30)
        assert (await client.get("/v1/feed")).text.count(location.removeprefix("/v1/jobs/")) == 1
    await store.close()
