"""Ranking everybody anew: asked for, taken up by a worker, finished in one transaction."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

from rapport.database import Connection, Database
from rapport.feed import Event, append

from segment_service.columns.engine import Engine
from segment_service.columns.ranking import Question, rank_everybody
from segment_service.columns.store import ColumnStore
from segment_service.jobs.schemas import JobAnswer
from segment_service.jobs.service import submit
from segment_service.jobs.worker import RunningJob
from segment_service.recomputation import repository
from segment_service.rfm.repository import fixed as fixed_scores
from segment_service.settings import SegmentSettings
from segment_service.standing import changes
from segment_service.standing import repository as customers
from segment_service.standing.repository import Moved, Rules
from segment_service.standing.rules import FixedScores, Ranks

RECOMPUTATION: Final = "recomputation"
_AT_ONCE: Final = 2_000
_WAIT_SECONDS: Final = 0.25
_FIRST_PROFILE: Final = UUID(int=0)


async def request(connection: Connection) -> JobAnswer:
    """A job that will see everything committed before; one that is queued already will do."""
    return await submit(connection, RECOMPUTATION, {}, shared=True)


class Recomputation:
    """Does the work of one worker; `rules` are the settings that customers are computed with."""

    def __init__(
        self, database: Database, store: ColumnStore, engine: Engine, settings: SegmentSettings, rules: Rules
    ) -> None:
        self._database = database
        self._store = store
        self._engine = engine
        self._settings = settings
        self._rules = rules

    async def turn(self) -> None:
        """Rank everybody if customers changed since the last ranking and it is time, unless another worker is at it."""
        async with self._guarded() as guard:
            if guard is None:
                return
            await self._adopt_settings(guard)
            if await repository.is_behind(guard, self._settings.recompute_seconds):
                await self._rank(None)

    async def asked(self, job: RunningJob) -> None:
        """Rank everybody because somebody asked, after whoever is at it; once, whenever a worker dies."""
        while job.checkpoint is None:
            async with self._guarded() as guard:
                if guard is not None:
                    await self._adopt_settings(guard)
                    await self._rank(job)
                    return
            await asyncio.sleep(_WAIT_SECONDS)

    @asynccontextmanager
    async def _guarded(self) -> AsyncIterator[Connection | None]:
        """The connection that makes this the one worker that ranks; None while another is."""
        async with self._database.pool.acquire(timeout=10) as guard:
            if not await repository.guard(guard):
                yield None
                return
            try:
                yield guard
            finally:
                if not guard.is_closed():
                    await repository.unguard(guard)

    async def _rank(self, job: RunningJob | None) -> None:
        # Whoever changes the rule of scores meanwhile has everybody ranked once more.
        while not await self._ranked(job):
            pass

    async def _ranked(self, job: RunningJob | None) -> bool:
        now = datetime.now(UTC)
        fixed = await fixed_scores(self._database.pool)
        files = await self._store.refresh()
        since = now - self._rules.period
        question = Question(since, None, "revenue", self._settings.cutoffs)
        scores = Path(self._settings.data_dir) / "segment" / f"scores-{uuid4().hex}.csv"
        scores = scores.absolute()
        given = None if fixed is None else fixed.at(now)
        try:
            ranks = await self._engine.run(lambda duck: rank_everybody(duck, files, question, str(scores), given))
            if job is not None:
                await job.advance(self._database.pool, 0, ranks.customers)
            return await self._settle(job, files.version, ranks, scores, now, fixed)
        finally:
            scores.unlink(missing_ok=True)

    async def _settle(
        self,
        job: RunningJob | None,
        version: int,
        ranks: Ranks,
        scores: Path,
        now: datetime,
        fixed: FixedScores | None,
    ) -> bool:
        """Write what changed; customers that changed since `version` are placed by the new bounds instead.

        False, and nothing written, if scores are made by another rule than `fixed` by now.
        """
        async with self._database.transaction() as connection:
            await repository.load(connection, scores)
            await customers.take_turn(connection)
            if await fixed_scores(connection) != fixed:
                return False
            await repository.keep_ranking(connection, version, now, ranks)
            number, moved = await customers.next_version(connection), 0
            async for rows in repository.write_changed(connection, version):
                await changes.notice(connection, [row["profile_id"] for row in rows], number)
                changed = [Moved(*row[:3]) for row in rows if row["moved"]]
                moved += len(changed)
                await changes.announce(connection, changed)
            newer = await repository.newer(connection, version)
            for start in range(0, len(newer), _AT_ONCE):
                await changes.change(connection, newer[start : start + _AT_ONCE], self._rules)
            data = {"ranked_at": now, "customers": ranks.customers, "moved": moved, "job_id": job and job.job_id}
            await append(connection, [Event(type="recomputation.finished", time=datetime.now(UTC), data=data)])
            if job is not None:
                await job.advance(connection, ranks.customers, ranks.customers, {"ranked_at": now})
        return True

    async def _adopt_settings(self, guard: Connection) -> None:
        """After a change of settings every customer is computed anew, some at a time."""
        wanted = repository.fingerprint(await customers.fitted(guard, self._rules), self._settings.cutoffs)
        known = await repository.rules(guard)
        if known == wanted:
            return
        if known is not None and known["currency"] != self._rules.currency:
            await repository.know_currencies(guard, self._rules.currency)
        after = _FIRST_PROFILE
        while True:
            async with self._database.transaction() as connection:
                await customers.take_turn(connection)
                profiles = await customers.profiles_after(connection, after, _AT_ONCE)
                await changes.change(connection, profiles, self._rules)
            if len(profiles) < _AT_ONCE:
                break
            after = profiles[-1]
        await repository.keep_rules(guard, wanted)


async def age(database: Database, rules: Rules) -> int:
    """Compute anew the customers whom time alone has changed; how many there were, at most 2,000."""
    async with database.transaction() as connection:
        await customers.take_turn(connection)
        due = await customers.due(connection, datetime.now(UTC), _AT_ONCE)
        await changes.change(connection, due, rules)
    return len(due)
