"""Asking for long work, looking how far it is, calling it off."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from rapport.database import Connection

from segment_service.jobs import repository
from segment_service.jobs.errors import JobFinished, UnknownJob
from segment_service.jobs.schemas import JobAnswer


async def submit(connection: Connection, kind: str, spec: Mapping[str, Any], *, shared: bool = False) -> JobAnswer:
    """Queue a job in the caller's transaction; with `shared` one of the same spec that still waits will do."""
    found = await repository.queued(connection, kind, spec) if shared else None
    return _answer(found or await repository.insert(connection, kind, spec))


async def job(connection: Connection, job_id: UUID) -> JobAnswer:
    """How far a job is; raises `UnknownJob`."""
    row = await repository.read(connection, job_id)
    if row is None:
        raise UnknownJob(f"There is no job {job_id}.")
    return _answer(row)


async def cancel(connection: Connection, job_id: UUID) -> JobAnswer:
    """Call a job off; a running one stops soon, and what it has committed stays. Raises `JobFinished`."""
    row = await repository.cancel(connection, job_id)
    if row is None:
        found = await job(connection, job_id)
        if found.state != "cancelled":
            raise JobFinished(f"The job has {found.state}.")
        return found
    return _answer(row)


def _answer(row: asyncpg.Record) -> JobAnswer:
    fields = {name: row[name] for name in JobAnswer.model_fields}
    if fields["result"] is not None:
        fields["result"] = msgspec.json.decode(fields["result"])
    return JobAnswer(**fields)
