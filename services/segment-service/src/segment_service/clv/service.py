"""Fitting lifetime value models, and what was fitted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
from rapport.database import Connection, Database
from rapport.feed import Event, append

from segment_service.clv import repository
from segment_service.clv.calculation import Question, fit
from segment_service.clv.errors import NoHoldout, NoModel
from segment_service.clv.schemas import FitBody, FitOut, HoldoutOut, ModelOut, ScoresOut
from segment_service.clv.scoring import Scoring
from segment_service.columns.engine import Engine
from segment_service.columns.store import ColumnStore
from segment_service.jobs.schemas import JobAnswer
from segment_service.jobs.service import submit
from segment_service.jobs.worker import RunningJob

CLV_FIT: Final = "clv_fit"


async def request(connection: Connection, body: FitBody) -> JobAnswer:
    """A job that fits the model; one of the same that is queued already will do."""
    return await submit(connection, CLV_FIT, body.model_dump(mode="json"), shared=True)


async def model(connection: Connection) -> ModelOut:
    """The model in use; raises `NoModel`."""
    row = await _newest(connection)
    state = await repository.scoring(connection)
    known = state is not None and state["fit_id"] == row["fit_id"]
    scores = ScoresOut(as_of=state["scored_for"], scored_at=state["scored_at"]) if state is not None and known else None
    return ModelOut(**_fields(row), scores=scores or ScoresOut(as_of=None, scored_at=None))


async def holdout(connection: Connection) -> tuple[FitOut, HoldoutOut]:
    """The model in use and how it did on the orders it had not seen; raises `NoModel` or `NoHoldout`."""
    found = FitOut(**_fields(await _newest(connection)))
    if found.holdout is None:
        raise NoHoldout("Nobody ordered after the calibration ended; fit with an earlier calibration_end.")
    return found, found.holdout


async def fits(connection: Connection, before: UUID | None, limit: int) -> list[FitOut]:
    """Models as they were fitted, newest first."""
    return [FitOut(**_fields(row)) for row in await repository.page(connection, before, limit)]


class Fitting:
    """Does fit jobs: fits, keeps the model, scores everybody by it."""

    def __init__(self, database: Database, store: ColumnStore, engine: Engine, scoring: Scoring) -> None:
        self._database = database
        self._store = store
        self._engine = engine
        self._scoring = scoring

    async def run(self, job: RunningJob) -> dict[str, Any]:
        """One job, from where an earlier worker left it; raises `NotFitted` with what is missing."""
        fit_id = UUID(job.checkpoint["fit_id"]) if job.checkpoint else await self._fit(job)
        await self._scoring.settle(fit_id)
        return {"fit_id": fit_id}

    async def _fit(self, job: RunningJob) -> UUID:
        body, now = FitBody.model_validate(job.spec), datetime.now(UTC)
        end = body.calibration_end or now
        question = Question(end, now, body.time_unit, body.horizon_days)
        files = await self._store.refresh()
        found = await self._engine.run(lambda duck: fit(duck, files, question))
        async with self._database.transaction() as connection:
            fit_id = await repository.keep(connection, job.job_id, question, found)
            await job.advance(connection, found.customers, found.customers, {"fit_id": fit_id})
            data = {"fit_id": fit_id, "job_id": job.job_id, "customers": found.customers, "calibration_end": end}
            await append(connection, [Event(type="clv.fitted", time=now, subject=str(fit_id), data=data)])
        return fit_id


async def _newest(connection: Connection) -> asyncpg.Record:
    row = await repository.newest(connection)
    if row is None:
        raise NoModel("Fit one with POST /v1/models/clv/fits.")
    return row


def _fields(row: asyncpg.Record) -> dict[str, Any]:
    plain = (
        *("fit_id", "job_id", "fitted_at", "calibration_end", "horizon_days", "time_unit", "customers", "spenders"),
        "log_likelihood",
    )
    return {
        **{name: row[name] for name in plain},
        "bg_nbd": {name: row[name] for name in ("r", "alpha", "a", "b")},
        "gamma_gamma": None if row["p"] is None else {name: row[name] for name in ("p", "q", "v")},
        "holdout": None if row["holdout"] is None else msgspec.json.decode(row["holdout"]),
        "notes": msgspec.json.decode(row["notes"]),
    }
