"""Ranking everybody anew: asked for, taken up by a worker, finished in one transaction."""

import logging
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

from rapport.database import CONNECTION_LOST, Connection, Database
from rapport.feed import Event, append

from segment_service.columns.engine import Engine
from segment_service.columns.ranking import Question, Ranks, rank_everybody
from segment_service.columns.store import ColumnStore
from segment_service.recomputation import repository
from segment_service.recomputation.errors import UnknownJob
from segment_service.recomputation.schemas import JobOut
from segment_service.settings import SegmentSettings
from segment_service.standing import changes
from segment_service.standing import repository as customers
from segment_service.standing.repository import Moved, Rules

_AT_ONCE = 2_000
_TRIES = 5
_FIRST_PROFILE = UUID(int=0)

_log = logging.getLogger(__name__)


async def request(connection: Connection) -> JobOut:
    """A job that will see everything committed before; one that is queued already will do."""
    return JobOut(**dict(await repository.queue(connection)))


async def job(connection: Connection, job_id: UUID) -> JobOut:
    """A job; raises `UnknownJob`."""
    row = await repository.job(connection, job_id)
    if row is None:
        raise UnknownJob(f"There is no job {job_id}.")
    return JobOut(**dict(row))


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
        """Do what there is to do, unless another worker is at it; a job that a dead worker left is taken up again."""
        async with self._database.pool.acquire(timeout=10) as guard:
            if not await repository.guard(guard):
                return
            try:
                await self._adopt_settings(guard)
                opened = await repository.take(guard, _TRIES)
                if opened is not None:
                    await self._job(opened)
                elif await repository.is_behind(guard, self._settings.recompute_seconds):
                    await self._rank(None)
            finally:
                if not guard.is_closed():
                    await repository.unguard(guard)

    async def _job(self, job_id: UUID) -> None:
        try:
            await self._rank(job_id)
        except CONNECTION_LOST:
            raise
        except Exception as error:  # noqa: BLE001  the job says that it failed
            _log.exception("job %s failed", job_id)
            await repository.fail(self._database.pool, job_id, f"{type(error).__name__}: the calculation failed")

    async def _rank(self, job_id: UUID | None) -> None:
        now = datetime.now(UTC)
        files = await self._store.refresh()
        since = now - self._rules.period
        question = Question(since, None, "revenue", self._settings.cutoffs, self._rules.currency)
        scores = Path(self._settings.data_dir) / "segment" / f"scores-{uuid4().hex}.csv"
        scores = scores.absolute()
        try:
            ranks = await self._engine.run(lambda duck: rank_everybody(duck, files, question, str(scores)))
            if job_id is not None:
                await repository.progress(self._database.pool, job_id, 0, ranks.customers)
            await self._settle(job_id, files.version, ranks, scores, now)
        finally:
            scores.unlink(missing_ok=True)

    async def _settle(self, job_id: UUID | None, version: int, ranks: Ranks, scores: Path, now: datetime) -> None:
        """Write what changed; customers that changed since `version` are placed by the new bounds instead."""
        async with self._database.transaction() as connection:
            await repository.load(connection, scores)
            await customers.take_turn(connection)
            await repository.keep_ranking(connection, version, now, ranks)
            moved = 0
            async for rows in repository.write_changed(connection, version):
                changed = [Moved(*row[:3]) for row in rows if row["moved"]]
                moved += len(changed)
                await changes.announce(connection, changed)
            newer = await repository.newer(connection, version)
            for start in range(0, len(newer), _AT_ONCE):
                await changes.change(connection, newer[start : start + _AT_ONCE], self._rules)
            data = {"ranked_at": now, "customers": ranks.customers, "moved": moved, "job_id": job_id}
            await append(connection, [Event(type="recomputation.finished", time=datetime.now(UTC), data=data)])
            if job_id is not None:
                await repository.succeed(connection, job_id, ranks.customers)

    async def _adopt_settings(self, guard: Connection) -> None:
        """After a change of settings every customer is computed anew, some at a time."""
        wanted = repository.fingerprint(self._rules, self._settings.cutoffs)
        if await repository.rules(guard) == wanted:
            return
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
