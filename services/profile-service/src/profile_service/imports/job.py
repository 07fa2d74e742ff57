"""The job that takes a list in, from where an earlier attempt left it."""

import asyncio
import tempfile
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any, BinaryIO, Final
from uuid import UUID

import asyncpg
import msgspec
from fastapi import FastAPI
from rapport.database import Database

from profile_service.attributes.service import catalogue
from profile_service.imports import repository
from profile_service.imports.conveyor import Conveyor
from profile_service.imports.files import FileFormat, UnreadableFile
from profile_service.imports.preparing import Work, keys_of, prepared
from profile_service.imports.rules import Column
from profile_service.imports.schemas import Target
from profile_service.imports.taking import List
from profile_service.jobs.worker import RunningJob
from profile_service.ledger.strangers import Strangers
from profile_service.settings import ProfileSettings

_SWEEP_SECONDS: Final = 600


async def run(app: FastAPI, job: RunningJob) -> Mapping[str, Any]:
    """Read the file and take its rows in, some thousands at a time; each thousand is committed with its place."""
    database: Database = app.state.database
    settings: ProfileSettings = app.state.settings
    import_id = UUID(job.spec["import_id"])
    row = await repository.read(database.pool, import_id)
    assert row is not None  # noqa: S101  made in the transaction that queued the job
    columns = _columns(row)
    async with database.transaction() as connection:
        defined = await catalogue(connection, dict.fromkeys(keys_of(columns)))
    work = Work(
        how=msgspec.json.decode(row["file_format"], type=FileFormat),
        columns=columns,
        country=row["country"],
        date_format=row["date_format"],
        guards=app.state.policy.guards,
        defined=defined,
        skip=job.checkpoint["row"] if job.checkpoint else 0,
    )
    listed = List(
        import_id,
        row["source"],
        row["expires_at"],
        row["created_at"],
        keys_of(work.columns),
        Strangers(work.guards),
    )
    folder = settings.data_dir / "imports"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        await _fetch(database, import_id, file)
        last = await _carry(Conveyor(database, job, listed), work, file, row["file_size"])
    async with database.transaction() as connection:
        await job.advance(connection, last, last, {"row": last})
        await repository.forget_file(connection, import_id)
    return {"import_id": str(import_id), "rows": last}


async def sweep(app: FastAPI) -> None:
    """Remove files of imports that were called off or failed, and bad values that nobody came for, for ever."""
    database: Database = app.state.database
    settings: ProfileSettings = app.state.settings
    while True:
        async with database.transaction() as connection:
            await repository.forget_ended(connection, settings.import_file_seconds, settings.import_value_days)
        await asyncio.sleep(_SWEEP_SECONDS)


async def _carry(conveyor: Conveyor, work: Work, file: BinaryIO, length: int) -> int:
    """Take in what is left of the file; the number of its last row. Raises `UnreadableFile` for what follows it."""
    last, unreadable = work.skip, None
    try:
        async with aclosing(prepared(work, file, length)) as source:
            async for batch in source:
                last, unreadable = batch.last, batch.unreadable
                await conveyor.put(batch, max(work.how.rows, last))
        await conveyor.finish()
    finally:
        await conveyor.close()
    if unreadable is not None:
        raise UnreadableFile(unreadable)
    return last


def _columns(row: asyncpg.Record) -> list[Column]:
    mapping = msgspec.json.decode(row["mapping"])
    columns = [Target(**target).column(name) for name, target in mapping.items()]
    return [each for each in columns if each is not None]


async def _fetch(database: Database, import_id: UUID, file: BinaryIO) -> None:
    async for part in repository.file_parts(database.pool, import_id):
        file.write(part)
    file.flush()
