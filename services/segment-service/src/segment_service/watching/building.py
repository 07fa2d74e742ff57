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
from rapport.database import CONNECTION_LOST, Database

from segment_service.columns.increments import Copied, RelationStore
from segment_service.conditions.parser import parse
from segment_service.conditions.statements import statement
from segment_service.standing import repository as turns
from segment_service.watching import repository
from segment_service.watching.evaluation import Evaluation
from segment_service.watching.rules import Watched

_RETRY_SECONDS: Final = 5.0

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
        for rule in rules:
            await self._build(rule)
        return len(rules)

    async def _build(self, rule: Watched) -> None:
        now = datetime.now(UTC)
        rows = self._scratch / f"judged-{uuid4().hex}.csv"
        try:
            if rule.rule is None:
                version = await self._export_list(rule.key, rows)
            else:
                query = await statement(parse(rule.rule), "judged", "duckdb")
                version = await self._files.read(_judge(query, now, rows))
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

    async def _export_list(self, key: str, rows: Path) -> int:
        async with self._database.pool.acquire(timeout=10) as connection:
            version = await turns.newest_version(connection)
            await repository.export_list(connection, key, rows)
        return version

    async def _settle(self, rule: Watched, rows: Path, version: int, now: datetime) -> None:
        async with self._database.transaction() as connection:
            await turns.take_turn(connection)
            settled = await repository.settle(connection, rule, rows, version, now)
            if settled is None:
                return
            changed, first = settled
            everything = {each.rule_id: each for each in await repository.rules(connection)}
            number = await turns.next_version(connection)
            await self._evaluation.tell(connection, everything, changed, number, now, built=rule, initial=first)


def _judge(query: str, now: datetime, rows: Path) -> Callable[[DuckDBPyConnection, Copied], int]:
    def judge(duck: DuckDBPyConnection, copied: Copied) -> int:
        duck.execute("CREATE TEMP TABLE clock AS SELECT $1::TIMESTAMP AS now", [now.replace(tzinfo=None)])
        target = str(rows).replace("'", "''")
        duck.execute(
            f"COPY (SELECT profile_id, matches, due_at FROM ({query}) AS judged "
            f"WHERE matches OR due_at IS NOT NULL) TO '{target}' (FORMAT csv, HEADER false)"
        )
        return copied.version

    return judge
