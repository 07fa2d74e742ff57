"""Calculating on the column files: the table built in DuckDB, the rest done in a process of its own."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final
from uuid import UUID

import msgspec
from duckdb import DuckDBPyConnection
from fastapi import FastAPI
from rapport.errors import Problem
from rapport.processes import calculate

from segment_service.columns.increments import Copied
from segment_service.learning import work
from segment_service.settings import SegmentSettings

_MODULE: Final = "segment_service.learning"


class NothingToLearn(Problem):
    """There is no result, and why."""

    status, name, title = 422, "nothing-to-learn", "Nothing can be learnt from these customers"


@contextlib.asynccontextmanager
async def folder(settings: SegmentSettings, job_id: UUID) -> AsyncIterator[Path]:
    """A folder for one calculation, removed afterwards; what a killed attempt left of customers goes first."""
    parent = (settings.data_dir / "segment").absolute()
    await asyncio.to_thread(parent.mkdir, parents=True, exist_ok=True)
    for left in await asyncio.to_thread(lambda: list(parent.glob(f"learning-{job_id}-*"))):
        await asyncio.to_thread(shutil.rmtree, left, ignore_errors=True)
    made = Path(await asyncio.to_thread(mkdtemp, prefix=f"learning-{job_id}-", dir=parent))
    try:
        yield made
    finally:
        await asyncio.to_thread(shutil.rmtree, made, ignore_errors=True)


async def learn(
    app: FastAPI, place: Path, options: work.Options, build: Callable[[DuckDBPyConnection], None]
) -> work.GroupsResult | work.LikenessResult:
    """Let `build` make the table `learnt` over the relations, and calculate on it; raises `NothingToLearn`."""
    settings: SegmentSettings = app.state.settings

    def export(duck: DuckDBPyConnection, _: Copied) -> None:
        build(duck)
        target = str(place / work.TABLE).replace("'", "''")
        duck.execute(f"COPY learnt TO '{target}' (FORMAT parquet)")

    await app.state.relations.read(export)
    await asyncio.to_thread((place / work.OPTIONS).write_bytes, msgspec.json.encode(options))
    # Threads that wait for each other by spinning take the machine from those who serve requests.
    environment = {"OMP_NUM_THREADS": str(settings.column_threads), "OMP_WAIT_POLICY": "PASSIVE"}
    async for _ in calculate(_MODULE, str(place), environment=environment):
        pass
    result: work.Result = msgspec.json.decode(
        await asyncio.to_thread((place / work.RESULT).read_bytes), type=work.Result
    )
    if isinstance(result, work.NoResult):
        raise NothingToLearn(f"{result.reason[:1].upper()}{result.reason[1:]}.")
    return result


def stored(result: work.GroupsResult | work.LikenessResult) -> dict[str, Any]:
    """A result as JSON values."""
    found: dict[str, Any] = msgspec.to_builtins(result)
    return found
