"""Scores of customers, kept up: everybody after a fit and once a day, in between those who changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import numpy as np
from rapport.database import Connection, Database

from segment_service.clv import repository
from segment_service.clv.bg_nbd import BgNbd
from segment_service.clv.calculation import score
from segment_service.clv.gamma_gamma import GammaGamma
from segment_service.clv.scores import Model, Summary, scores
from segment_service.clv.units import UNITS
from segment_service.columns.engine import Engine
from segment_service.standing import repository as customers
from segment_service.standing.changes import notice

_AT_ONCE: Final = 10_000
_CHANGED_AT_ONCE: Final = 2_000
_DIGITS: Final = (6, 4, 2, 2)
_WAIT_SECONDS: Final = 0.25


def model_of(row: asyncpg.Record) -> Model:
    """A fit's model from its row."""
    spend = None if row["p"] is None else GammaGamma(row["p"], row["q"], row["v"])
    purchases = BgNbd(row["r"], row["alpha"], row["a"], row["b"])
    return Model(purchases, spend, UNITS[row["time_unit"]], row["horizon_days"])


class Scoring:
    """Does the work of one worker; days are by UTC."""

    def __init__(self, database: Database, engine: Engine, folder: Path) -> None:
        self._database = database
        self._engine = engine
        self._folder = folder

    async def turn(self) -> bool:
        """Score whoever is behind, unless another worker is at it; whether there is more to do."""
        newest = await repository.newest(self._database.pool)
        if newest is None:
            return False
        async with self._guarded() as guard:
            if guard is None:
                return False
            state = await repository.scoring(guard)
            today = datetime.now(UTC).date()
            if state is None or (state["fit_id"], state["scored_for"]) != (newest["fit_id"], today):
                await self._everybody(newest["fit_id"], model_of(newest), today)
                return True
            if await customers.newest_version(guard) <= state["version"]:
                return False
            return await self._changed(model_of(newest), newest["fit_id"], today)

    async def settle(self, fit_id: UUID) -> None:
        """Score everybody by the newest model, after whoever is at it; nothing if done since `fit_id`."""
        while True:
            async with self._guarded() as guard:
                if guard is not None:
                    state, newest = await repository.scoring(guard), await repository.newest(guard)
                    if newest is not None and (state is None or state["fit_id"] is None or state["fit_id"] < fit_id):
                        await self._everybody(newest["fit_id"], model_of(newest), datetime.now(UTC).date())
                    return
            await asyncio.sleep(_WAIT_SECONDS)

    @asynccontextmanager
    async def _guarded(self) -> AsyncIterator[Connection | None]:
        async with self._database.pool.acquire(timeout=10) as guard:
            if not await repository.guard(guard):
                yield None
                return
            try:
                yield guard
            finally:
                if not guard.is_closed():
                    await repository.unguard(guard)

    async def _everybody(self, fit_id: UUID, model: Model, today: date) -> None:
        async with self._database.transaction() as connection:
            # In its turn, so that no change up to this number is still under way.
            await customers.take_turn(connection)
            version = await customers.newest_version(connection)
        known, scored = (self._folder / f"{name}-{uuid4().hex}.csv" for name in ("summaries", "clv"))
        try:
            async with self._database.pool.acquire(timeout=10) as connection:
                await repository.summaries(connection, today, known)
            await self._engine.run(lambda duck: score(duck, model, known, scored))
            await self._write(scored, version)
        finally:
            known.unlink(missing_ok=True)
            scored.unlink(missing_ok=True)
        async with self._database.transaction() as connection:
            await repository.mark(connection, fit_id, today, version)

    async def _write(self, scored: Path, version: int) -> None:
        """Write what differs, some at a time, changes in between; whoever changed since comes in `_changed`."""
        async with self._database.pool.acquire(timeout=10) as connection:
            try:
                total = await repository.load(connection, scored)
                for start in range(0, total, _AT_ONCE):
                    async with connection.transaction():
                        await customers.take_turn(connection)
                        written = await repository.write(connection, version, start, start + _AT_ONCE)
                        await notice(connection, written, await customers.next_version(connection))
            finally:
                if not connection.is_closed():
                    await repository.drop(connection)

    async def _changed(self, model: Model, fit_id: UUID, today: date) -> bool:
        async with self._database.transaction() as connection:
            await customers.take_turn(connection)
            state = await repository.scoring(connection)
            since = state["version"] if state is not None else 0
            until = await repository.up_to(connection, since, _CHANGED_AT_ONCE)
            if until is None:
                await repository.mark(connection, fit_id, today, await customers.newest_version(connection))
                return False
            rows = await repository.changed(connection, today, since, until)
            changed = await repository.write_some(connection, scored_rows(model, rows), since, until)
            await notice(connection, changed, await customers.next_version(connection))
            await repository.mark(connection, fit_id, today, until)
        return True


def scored_rows(model: Model, rows: list[asyncpg.Record]) -> list[tuple[Any, ...]]:
    """Rows of scores for rows of what is known, as the tables hold them."""
    columns = [[np.nan if row[place] is None else float(row[place]) for row in rows] for place in range(1, 7)]
    known = Summary(*(np.array(column, dtype=np.float64) for column in columns))
    found = zip(*scores(model, known), strict=True)
    shown = [[_number(each, digits) for each, digits in zip(values, _DIGITS, strict=True)] for values in found]
    return [(row[0], *values, row[6] is not None) for row, values in zip(rows, shown, strict=True)]


def _number(value: float, digits: int) -> str | None:
    # asyncpg takes numerics from their text.
    return None if np.isnan(value) else f"{value:.{digits}f}"
