"""Doing jobs: leased one at a time for each kind, kept by a heartbeat, taken up again after a crash."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
from fastapi import FastAPI
from rapport.application import Worker
from rapport.database import CONNECTION_LOST, Database
from rapport.errors import Problem

from segment_service.jobs import repository
from segment_service.jobs.errors import LeaseLost

LEASE_SECONDS: Final = 30.0
TRIES: Final = 5
_LOOK_SECONDS: Final = 0.25

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunningJob:
    """A job under lease, as its handler sees it.

    `checkpoint` is what an earlier attempt left with `advance`, null at first. The handler's task is cancelled when the
    job is called off or the lease is lost.
    """

    job_id: UUID
    spec: Mapping[str, Any]
    checkpoint: Mapping[str, Any] | None
    done: int
    lease: UUID

    async def advance(
        self,
        connection: repository.Reader,
        done: int,
        total: int | None = None,
        checkpoint: Mapping[str, Any] | None = None,
    ) -> None:
        """Say how far it is, in the transaction that does the work; raises `LeaseLost`, and nothing may commit then."""
        if not await repository.advance(connection, self.job_id, self.lease, done, total, checkpoint):
            raise LeaseLost


Handler = Callable[[FastAPI, RunningJob], Awaitable[Mapping[str, Any] | None]]
"""Does a job, from its checkpoint on; what it gives becomes the job's `result`."""


def job_workers(handlers: Mapping[str, Handler], *, alone: frozenset[str] = frozenset()) -> list[Worker]:
    """A worker for each kind, so that kinds do not wait for each other; kinds in `alone` run once in all processes."""
    return [_worker(kind, handler, alone=kind in alone) for kind, handler in handlers.items()]


def _worker(kind: str, handler: Handler, *, alone: bool) -> Worker:
    async def work(app: FastAPI) -> None:
        database: Database = app.state.database
        while True:
            if not await do_next(app, database, kind, handler, alone=alone):
                await asyncio.sleep(_LOOK_SECONDS)

    work.__qualname__ = f"worker for {kind} jobs"
    return work


async def do_next(
    app: FastAPI,
    database: Database,
    kind: str,
    handler: Handler,
    *,
    alone: bool = False,
    lease_seconds: float = LEASE_SECONDS,
) -> bool:
    """Do the oldest open job of a kind to its end; whether there was one."""
    async with database.transaction() as connection:
        row = await repository.take(connection, kind, lease_seconds, alone=alone)
    if row is None:
        return False
    job = RunningJob(row["job_id"], msgspec.json.decode(row["spec"]), _decoded(row), row["done"], row["lease"])
    pool = database.pool
    if row["cancel_requested"]:
        await repository.end(pool, job.job_id, job.lease, "cancelled", None, None)
    elif row["attempts"] > TRIES:
        error = f"Given up: interrupted {TRIES} times without getting any further."
        await repository.end(pool, job.job_id, job.lease, "failed", error, None)
    else:
        await _do(app, pool, job, handler, lease_seconds)
    return True


def _decoded(row: asyncpg.Record) -> Mapping[str, Any] | None:
    checkpoint: Mapping[str, Any] | None = None
    if row["checkpoint"] is not None:
        checkpoint = msgspec.json.decode(row["checkpoint"])
    return checkpoint


async def _do(
    app: FastAPI, pool: asyncpg.Pool[asyncpg.Record], job: RunningJob, handler: Handler, lease_seconds: float
) -> None:
    work = asyncio.ensure_future(handler(app, job))
    heartbeat = asyncio.create_task(_keep(pool, job, work, lease_seconds))
    try:
        result = await work
    except asyncio.CancelledError:
        if (task := asyncio.current_task()) is not None and task.cancelling():
            # The process stops: leave the job to the next.
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            await asyncio.shield(repository.release(pool, job.job_id, job.lease))
            raise
        await repository.end(pool, job.job_id, job.lease, "cancelled", None, None)
    except LeaseLost:
        # Called off, or taken by another worker, whose lease this does not touch.
        await repository.end(pool, job.job_id, job.lease, "cancelled", None, None)
    except CONNECTION_LOST:
        # The lease runs out, and the job goes on where it was.
        raise
    except Problem as problem:
        await repository.end(pool, job.job_id, job.lease, "failed", problem.detail, None)
    except Exception as error:  # noqa: BLE001  the job says that it failed
        _log.exception("job %s failed", job.job_id)
        await repository.end(pool, job.job_id, job.lease, "failed", f"{type(error).__name__}: the job failed", None)
    else:
        await repository.end(pool, job.job_id, job.lease, "succeeded", None, result)
    finally:
        heartbeat.cancel()
        with suppress(asyncio.CancelledError):
            await heartbeat


async def _keep(
    pool: asyncpg.Pool[asyncpg.Record],
    job: RunningJob,
    work: asyncio.Future[Mapping[str, Any] | None],
    lease_seconds: float,
) -> None:
    """Renew the lease and stop the work when it is called off or the lease is lost."""
    while not work.done():
        await asyncio.sleep(min(1.0, lease_seconds / 4))
        try:
            going = await repository.renew(pool, job.job_id, job.lease, lease_seconds)
        except CONNECTION_LOST as error:
            _log.warning("job %s: the lease could not be renewed: %s", job.job_id, error)
            continue
        if not going:
            work.cancel()
