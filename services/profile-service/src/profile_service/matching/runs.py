"""Carrying out a match run: records out, pairs found in a process of its own, links and candidates in."""

import asyncio
import contextlib
import shutil
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final
from uuid import UUID

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from fastapi import FastAPI
from rapport.database import Connection, Database

from profile_service.jobs.worker import RunningJob
from profile_service.ledger import repository as ledger
from profile_service.ledger.guards import Guards
from profile_service.ledger.records import Evidence, Plan, View
from profile_service.ledger.service import record
from profile_service.matching import loading, repository
from profile_service.matching.rules import MATCH, Found, one_of_each
from profile_service.settings import ProfileSettings

_AT_ONCE: Final = 100
_READ_AT_ONCE: Final = 5_000
_PAIRS: Final = "pairs.parquet"
_SOURCE: Final = "matching"
_ERROR_LENGTH: Final = 2_000
_TRIES: Final = 3


class MatchingFailed(RuntimeError):
    """The process that compares records ended without a result."""


async def match_run(app: FastAPI, job: RunningJob) -> Mapping[str, Any]:
    """Handler of match runs. Done twice it links nothing twice, so that after a crash it starts from the beginning."""
    settings: ProfileSettings = app.state.settings
    database: Database = app.state.database
    parent = (settings.data_dir / "profile").absolute()
    folder = await asyncio.to_thread(_fresh_folder, parent)
    try:
        return await _Run(database, app.state.policy.guards, settings, job, folder).carry_out()
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _fresh_folder(parent: Path) -> Path:
    """A folder to work in; those of runs that were killed hold personal data, and runs come one at a time."""
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.glob("match-*"):
        shutil.rmtree(left, ignore_errors=True)
    return Path(mkdtemp(prefix="match-", dir=parent))


class _Run:
    def __init__(
        self, database: Database, guards: Guards, settings: ProfileSettings, job: RunningJob, folder: Path
    ) -> None:
        self._database = database
        self._guards = guards
        self._settings = settings
        self._job = job
        self._folder = folder

    async def carry_out(self) -> dict[str, Any]:
        pool = self._database.pool
        rules = f"{self._settings.match_link_probability}/{self._settings.match_review_probability}"
        since = None if self._job.spec.get("full") else await repository.last_run(pool, rules)
        watermark = await loading.watermark(pool)
        count = await loading.copy_records(pool, self._folder, since)
        await self._job.advance(pool, 0, count)
        await self._compare(count)
        linked = await self._link(count)
        offered = await self._offer(since)
        await self._job.advance(pool, count)
        return {
            "profiles": count,
            "full": since is None,
            "linked": linked,
            "offered": offered,
            "watermark": watermark.isoformat(),
            "rules": rules,
        }

    async def _compare(self, count: int) -> None:
        resources = {
            "engine": self._settings.match_engine,
            "memory": self._settings.match_memory,
            "threads": self._settings.match_threads,
            "scratch": str(self._folder / "scratch"),
            "spark_master": self._settings.match_spark_master,
        }
        options = msgspec.json.encode({"review": self._settings.match_review_probability, "resources": resources})
        await asyncio.to_thread((self._folder / "options.json").write_bytes, options)
        for _ in range(_TRIES):
            code, error = await self._compare_once(count)
            if code == 0:
                return
            if code > 0:
                break
            # Killed from outside, perhaps for want of memory at that moment: nothing is written before the end.
        raise MatchingFailed(f"comparing ended with {code}: {error}")

    async def _compare_once(self, count: int) -> tuple[int, str]:
        """The process's exit code, negative when a signal ended it, and the end of what it complained of."""
        async with _process(self._folder) as process:
            errors = asyncio.create_task(_drain(process))
            assert process.stdout is not None  # noqa: S101  it is a pipe
            async for line in process.stdout:
                done, total = map(int, line.split())
                await self._job.advance(self._database.pool, count * done // max(1, total), count)
            return await process.wait(), (await errors)[-_ERROR_LENGTH:]

    async def _link(self, count: int) -> int:
        """Link pairs, the surest first; how many profiles went into others."""
        linked = 0
        async for found in _found(self._folder / _PAIRS):
            sure = [each for each in found if self._links(each)]
            for start in range(0, len(sure), _AT_ONCE):
                async with self._database.transaction() as connection:
                    linked += await self._link_some(connection, sure[start : start + _AT_ONCE])
                    await self._job.advance(connection, count)
        return linked

    def _links(self, found: Found) -> bool:
        return found.links(self._settings.match_link_probability)

    async def _link_some(self, connection: Connection, sure: Sequence[Found]) -> int:
        ends = {end for each in sure for end in (each.a, each.b)}
        profiles = await ledger.profiles_of(connection, ends)
        apart = await repository.kept_apart(connection, set(profiles.values()))

        def plan(view: View) -> Plan:
            now = {identity: row.profile_id for identity, row in view.identities.items() if identity in ends}
            # Whoever became part of another profile since is compared anew by the next run.
            wanted = [
                each
                for each in sure
                if {each.a, each.b} <= now.keys()
                and now[each.a] != now[each.b]
                and frozenset((now[each.a], now[each.b])) not in apart
            ]
            return Plan([self._evidence(each, view.now) for each in wanted])

        outcome = await record(connection, self._guards, (), plan, also=sorted(ends))
        return len({*outcome.before.values()} - {*outcome.after.values()})

    def _evidence(self, found: Found, at: datetime) -> Evidence:
        return Evidence(
            found.a,
            found.b,
            MATCH,
            _SOURCE,
            at,
            str(self._job.job_id),
            reason=found.reason,
            confidence=found.probability,
        )

    async def _offer(self, since: datetime | None) -> int:
        """Offer for review what is neither one profile by now nor kept apart by an operator or held by guards."""
        offered = 0
        async for found in _found(self._folder / _PAIRS):
            likely = [each for each in found if not self._links(each)]
            async with self._database.transaction() as connection:
                profiles = await ledger.profiles_of(connection, {end for each in likely for end in (each.a, each.b)})
                apart = await repository.kept_apart(connection, set(profiles.values()))
                open_pairs = [
                    each
                    for each in one_of_each(likely, profiles)
                    if frozenset((profiles[each.a], profiles[each.b])) not in apart
                ]
                await repository.offer(connection, self._job.job_id, open_pairs)
                offered += len(open_pairs)
        async with self._database.transaction() as connection:
            await repository.drop_outdated(connection, self._job.job_id, since)
        return offered


@contextlib.asynccontextmanager
async def _process(folder: Path) -> AsyncIterator[Process]:
    """The process that compares, ended when this block is left; closing its input ends it when this process dies."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "profile_service.matching.linkage", str(folder)),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _drain(process: Process) -> str:
    assert process.stderr is not None  # noqa: S101  it is a pipe
    return (await process.stderr.read()).decode(errors="replace").strip()


async def _found(path: Path) -> AsyncIterator[list[Found]]:
    """Pairs, the surest first, some at a time: of millions of profiles there are too many to hold at once."""
    with await asyncio.to_thread(pq.ParquetFile, path) as file:
        batches = file.iter_batches(_READ_AT_ONCE)
        while found := await asyncio.to_thread(_next, batches):
            yield found


def _next(batches: Iterator[pa.RecordBatch]) -> list[Found]:
    batch = next(batches, None)
    return [
        Found(
            UUID(row["a"]),
            UUID(row["b"]),
            row["probability"],
            row["lacks"],
            [(field, level, weight) for field, level, weight in msgspec.json.decode(row["weights"])],
        )
        for row in (batch.to_pylist() if batch else ())
    ]
