"""The SQL of jobs. Every write of a worker names its lease, so that one that lost it writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

import asyncpg
import msgspec
from rapport.database import Connection

if TYPE_CHECKING:
    Reader: TypeAlias = Connection | asyncpg.Pool[asyncpg.Record]

_JOB = (
    "job_id, kind, state, done, total, error, result, cancel_requested, spec, checkpoint, attempts, lease, "
    "created_at, started_at, finished_at"
)
_INSERT = f"INSERT INTO job (kind, spec) VALUES ($1, $2::jsonb) RETURNING {_JOB}"
_READ = f"SELECT {_JOB} FROM job WHERE job_id = $1"
_QUEUED = f"""
    SELECT {_JOB} FROM job WHERE kind = $1 AND spec = $2::jsonb AND state = 'queued' AND NOT cancel_requested
    ORDER BY job_id LIMIT 1 FOR SHARE SKIP LOCKED
"""
_ALONE = "SELECT pg_advisory_xact_lock(5402, hashtext($1))"
_TAKE = f"""
    UPDATE job SET state = 'running', attempts = attempts + 1, started_at = COALESCE(started_at, now()),
                   lease = gen_random_uuid(), leased_until = now() + make_interval(secs => $2)
    WHERE job_id = (
        SELECT job_id FROM job
        WHERE kind = $1 AND (state = 'queued' OR state = 'running' AND COALESCE(leased_until, '-infinity') < now())
          AND NOT ($3 AND EXISTS (
              SELECT FROM job AS other WHERE other.kind = $1 AND other.state = 'running' AND other.leased_until >= now()
          ))
        ORDER BY job_id LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    RETURNING {_JOB}
"""
_RENEW = """
    UPDATE job SET leased_until = now() + make_interval(secs => $3)
    WHERE job_id = $1 AND lease = $2 AND state = 'running' RETURNING NOT cancel_requested
"""
_ADVANCE = """
    UPDATE job SET done = $3, total = COALESCE($4, total), checkpoint = COALESCE($5::jsonb, checkpoint),
                   attempts = CASE WHEN $5 IS NULL THEN attempts ELSE 1 END
    WHERE job_id = $1 AND lease = $2 AND state = 'running' AND NOT cancel_requested RETURNING true
"""
_END = """
    UPDATE job SET state = $3, error = $4, result = $5::jsonb, lease = NULL, leased_until = NULL, finished_at = now()
    WHERE job_id = $1 AND lease = $2 AND state = 'running'
"""
_RELEASE = """
    UPDATE job SET state = 'queued', attempts = attempts - 1, lease = NULL, leased_until = NULL
    WHERE job_id = $1 AND lease = $2 AND state = 'running'
"""
_CANCEL = f"""
    UPDATE job SET cancel_requested = true,
                   state = CASE state WHEN 'queued' THEN 'cancelled' ELSE state END,
                   finished_at = CASE state WHEN 'queued' THEN now() END
    WHERE job_id = $1 AND state IN ('queued', 'running')
    RETURNING {_JOB}
"""


async def insert(connection: Connection, kind: str, spec: Mapping[str, Any]) -> asyncpg.Record:
    """Queue a job."""
    row = await connection.fetchrow(_INSERT, kind, _json(spec))
    assert row is not None  # noqa: S101  INSERT ... RETURNING gives its row
    return row


async def queued(connection: Connection, kind: str, spec: Mapping[str, Any]) -> asyncpg.Record | None:
    """A job of this kind and spec that waits to start, which it cannot do before this transaction ends."""
    return await connection.fetchrow(_QUEUED, kind, _json(spec))


async def read(connection: Reader, job_id: UUID) -> asyncpg.Record | None:
    """A job by its id."""
    return await connection.fetchrow(_READ, job_id)


async def take(connection: Connection, kind: str, seconds: float, *, alone: bool) -> asyncpg.Record | None:
    """Lease the oldest open job; one that another worker left goes on. `alone`: not while another of its kind runs."""
    if alone:
        await connection.execute(_ALONE, kind)
    return await connection.fetchrow(_TAKE, kind, seconds, alone)


async def renew(connection: Reader, job_id: UUID, lease: UUID, seconds: float) -> bool | None:
    """Keep a lease: True to go on, False when asked to cancel, None when it is lost."""
    going: bool | None = await connection.fetchval(_RENEW, job_id, lease, seconds)
    return going


async def advance(
    connection: Reader, job_id: UUID, lease: UUID, done: int, total: int | None, checkpoint: Mapping[str, Any] | None
) -> bool:
    """Say how far a job is; False when it is no longer this worker's to do."""
    kept = None if checkpoint is None else _json(checkpoint)
    return bool(await connection.fetchval(_ADVANCE, job_id, lease, done, total, kept))


async def end(
    connection: Reader, job_id: UUID, lease: UUID, state: str, error: str | None, result: Mapping[str, Any] | None
) -> None:
    """End a job, unless the lease is lost."""
    await connection.execute(_END, job_id, lease, state, error, None if result is None else _json(result))


async def release(connection: Reader, job_id: UUID, lease: UUID) -> None:
    """Leave a job to whoever comes next."""
    await connection.execute(_RELEASE, job_id, lease)


async def cancel(connection: Connection, job_id: UUID) -> asyncpg.Record | None:
    """Cancel a job that waits, ask a running one to stop; None for one that has ended or never was."""
    return await connection.fetchrow(_CANCEL, job_id)


def _json(value: Mapping[str, Any]) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()
