"""Asking a rule about everybody on the column files: when it is new, has failed, or too many have changed."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

import asyncpg
import duckdb
from duckdb import DuckDBPyConnection
from rapport.database import CONNECTION_LOST, Connection, Database

from segment_service.columns.increments import Copied, RelationStore
from segment_service.conditions.parser import parse
from segment_service.conditions.statements import statement
from segment_service.standing import repository as turns
from segment_service.watching import repository, settlements
from segment_service.watching.evaluation import Evaluation
from segment_service.watching.repository import Changed
from segment_service.watching.rules import Watched

_RETRY_SECONDS: Final = 5.0
_SLICE: Final = 10_000

_log = logging.getLogger(__name__)


class Building:
    """Asks everybody; `evaluation` tells of what changes."""

    def __init__(self, database: Database, files: RelationStore, evaluation: Evaluation, scratch: Path) -> None:
        self._database = database
        self._files = files
        self._evaluation = evaluation
        self._scratch = scratch

    async def turn(self) -> int:
        """Ask everybody about each rule that waits for it; how many rules there were."""
        async with self._database.pool.acquire(timeout=10) as connection:
            rules = await repository.to_build(connection)
            if not rules:
                return 0
            # From here on the answers of whoever changes are kept, also when a rule does not hold.
            await repository.start_building(connection, [rule.rule_id for rule in rules])
        # All of them from files of one moment: what one of them brings about would have the files written anew.
        copied = None
        for rule in rules:
            async with self._database.pool.acquire(timeout=10) as connection:
                wanted = await repository.same(connection, rule)
            if wanted:
                copied = await self._build(rule, copied)
        return len(rules)

    async def _build(self, rule: Watched, copied: Copied | None) -> Copied | None:
        now = datetime.now(UTC)
        rows = self._scratch / f"judged-{uuid4().hex}.csv"
        try:
            if rule.rule is None:
                version = await self._export_list(rule.key, rows)
            else:
                copied = await self._judge(rule, copied, now, rows)
                version = copied.version
            await self._settle(rule, rows, version, now)
        except CONNECTION_LOST:
            raise
        except (duckdb.Error, asyncpg.PostgresError) as error:
            _log.warning("rule %s of %s cannot be asked: %s", rule.key, rule.owner, error)
            async with self._database.pool.acquire(timeout=10) as connection:
                await repository.failing(connection, rule, str(error), _RETRY_SECONDS)
        finally:
            with suppress(FileNotFoundError):
                await asyncio.to_thread(rows.unlink)
        return copied

    async def _judge(self, rule: Watched, copied: Copied | None, now: datetime, rows: Path) -> Copied:
        judge = _judge(await statement(parse(rule.rule), "judged", "duckdb"), now, rows)
        if copied is not None:
            try:
                return await self._files.read_at(copied, judge)
            except duckdb.IOException:
                # Files of that moment are gone, because somebody is erased, or of age.
                _log.info("everybody is asked on newer files")
        return await self._files.read(judge)

    async def _export_list(self, key: str, rows: Path) -> int:
        async with self._database.pool.acquire(timeout=10) as connection:
            version = await turns.newest_version(connection)
            await repository.export_list(connection, key, rows)
        return version

    async def _settle(self, rule: Watched, rows: Path, version: int, now: datetime) -> None:
        """Take the answers in slice by slice, so that nobody else waits long for a turn.

        Each slice is announced as it is written; after a crash the rest of them differs still and comes then.
        """
        async with self._database.pool.acquire(timeout=10) as connection:
            try:
                slices = await settlements.load(connection, rule, rows, _SLICE)
                for some in slices:
                    async with connection.transaction():
                        await turns.take_turn(connection)
                        first = await settlements.still(connection, rule)
                        if first is None:
                            return
                        changed = await settlements.settle(connection, rule, some, version, now)
                        if changed:
                            await self._tell(connection, changed, now, initial=first)
                async with connection.transaction():
                    await turns.take_turn(connection)
                    first = await settlements.finish(connection, rule, now)
                    if first is not None:
                        await self._tell(connection, [], now, built=rule, initial=first)
            finally:
                if not connection.is_closed():
                    await settlements.unload(connection)

    async def _tell(
        self,
        connection: Connection,
        changed: list[Changed],
        now: datetime,
        *,
        built: Watched | None = None,
        initial: bool = False,
    ) -> None:
        everything = {each.rule_id: each for each in await repository.rules(connection)}
        number = await turns.next_version(connection)
        await self._evaluation.tell(connection, everything, changed, number, now, built=built, initial=initial)


def _judge(query: str, now: datetime, rows: Path) -> Callable[[DuckDBPyConnection, Copied], Copied]:
    def judge(duck: DuckDBPyConnection, copied: Copied) -> Copied:
        duck.execute("CREATE TEMP TABLE clock AS SELECT $1::TIMESTAMP AS now", [now.replace(tzinfo=None)])
        target = str(rows).replace("'", "''")
        duck.execute(
            f"COPY (SELECT profile_id, matches, due_at FROM ({query}) AS judged "
            f"WHERE matches OR due_at IS NOT NULL) TO '{target}' (FORMAT csv, HEADER false)"
        )
        return copied

    return judge
