"""Taking lists in, looking how far that is, trying a file out first."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Sequence
from itertools import islice
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
from rapport.database import Connection, Database

from profile_service.attributes.service import catalogue
from profile_service.facts.traits import nest
from profile_service.imports import repository
from profile_service.imports.dates import ISO, DateFormat, Reading, fitting, texts_of
from profile_service.imports.errors import UnknownImport
from profile_service.imports.reading import Row, rows_of
from profile_service.imports.rules import BIRTH, Column, Fault, Reader
from profile_service.imports.schemas import (
    DatesAnswer,
    FaultAnswer,
    FormatAnswer,
    ImportAnswer,
    PreviewAnswer,
    PreviewRow,
)
from profile_service.imports.upload import Upload
from profile_service.jobs import service as jobs
from profile_service.ledger.strangers import new_ids
from profile_service.personal import masked_identifier, masked_value
from profile_service.policy import Policy

JOB: Final = "import"
_FAULTS_AT_ONCE: Final = 2_000
_ROWS_FOR_DATES: Final = 2_000
_HEADER: Final = ("row", "column", "reason", "value")


async def start(connection: Connection, policy: Policy, upload: Upload, by: str) -> ImportAnswer:
    """Keep a list and queue the job that takes it in."""
    (import_id,) = new_ids(1)
    job = await jobs.submit(connection, JOB, {"import_id": str(import_id)})
    spec = upload.spec
    await repository.insert(
        connection,
        import_id,
        job.job_id,
        spec.source,
        spec.lawful_basis,
        list(dict.fromkeys(spec.permitted_uses)),
        spec.expires_at,
        spec.country or policy.country,
        spec.date_format,
        {name: target.model_dump(exclude_none=True) for name, target in spec.mapping.items()},
        upload.name,
        upload.size,
        upload.how,
        by,
    )
    await repository.keep_file(connection, import_id, upload.file)
    return await read(connection, import_id)


async def read(connection: Connection, import_id: UUID) -> ImportAnswer:
    """A list and how far its import is; raises `UnknownImport`."""
    row = await repository.read(connection, import_id)
    if row is None:
        raise UnknownImport(f"There is no import {import_id}.")
    return _answer(row)


async def listed(connection: Connection, before: UUID | None, limit: int) -> list[ImportAnswer]:
    """Lists, newest first."""
    return [_answer(row) for row in await repository.page(connection, before, limit)]


async def preview(database: Database, policy: Policy, upload: Upload, limit: int, *, pii: bool) -> PreviewAnswer:
    """The first rows as they would be read."""
    spec = upload.spec
    async with database.transaction() as connection:
        defined = await catalogue(connection, dict.fromkeys(each.key for each in spec.columns))
    reader = Reader(spec.columns, spec.country or policy.country, policy.guards, defined, spec.date_format)

    def tried() -> tuple[list[PreviewRow], list[DatesAnswer]]:
        rows = rows_of(upload.file, upload.how, [each.name for each in spec.columns])
        first = list(islice(rows, _ROWS_FOR_DATES))
        return [_tried(reader, row, pii=pii) for row in first[:limit]], _dates(reader, first)

    rows, dates = await asyncio.to_thread(tried)
    accepted = sum(row.accepted for row in rows)
    unmapped = [name for name in dict.fromkeys(upload.how.columns) if name not in spec.mapping]
    return PreviewAnswer(
        file_format=_format(upload.how),
        rows=rows,
        accepted=accepted,
        rejected=len(rows) - accepted,
        dates=dates,
        unmapped=unmapped,
    )


async def faults_as_csv(database: Database, import_id: UUID, *, pii: bool) -> AsyncIterator[str]:
    """Faults as lines of a CSV file, row by row; bad values only for those who may see them."""
    yield _csv_line(_HEADER)
    after = (0, -1)
    while rows := await repository.faults(database.pool, import_id, after, _FAULTS_AT_ONCE):
        lines = [(row["row"], row["column"] or "", row["reason"], (row["value"] or "") if pii else "") for row in rows]
        yield "".join(map(_csv_line, lines))
        after = rows[-1]["row"], rows[-1]["number"]


def _csv_line(cells: tuple[object, ...]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()


def _tried(reader: Reader, row: Row, *, pii: bool) -> PreviewRow:
    found = [Fault(None, row.fault, None)] if row.fault is not None else reader.read(row.values)
    if isinstance(found, list):
        faults = [
            FaultAnswer(column=each.column, reason=each.reason, value=each.value if pii else None) for each in found
        ]
        return PreviewRow(row=row.number, accepted=False, identifiers=[], traits={}, faults=faults)
    facts = {key: msgspec.json.decode(text) for key, text in found.facts.items()}
    shown = facts if pii else {key: masked_value(key, value) for key, value in facts.items()}
    identifiers = [
        {"kind": each.kind, "value": each.value if pii else masked_identifier(each.kind, each.value)}
        for each in found.identities
    ]
    return PreviewRow(row=row.number, accepted=True, identifiers=identifiers, traits=nest(shown), faults=[])


def _dates(reader: Reader, rows: Sequence[Row]) -> list[DatesAnswer]:
    columns = [(place, each) for place, each in enumerate(reader.columns) if each.key in reader.days]
    read = [row.values for row in rows if row.fault is None]
    return [
        _dates_of(each, reader.days[each.key], texts_of(values[place] for values in read))
        for place, each in columns
        if each.role != "identifier"
    ]


def _dates_of(column: Column, how: DateFormat | None, values: Sequence[str]) -> DatesAnswer:
    found = fitting(values, birth=column.key == BIRTH, given=how)
    given = how.text if how is not None else None
    suggested, detail = _advice(given, found)
    return DatesAnswer(
        column=column.name,
        values=found.values,
        given=given,
        suggested=suggested,
        fitting=found.fitting,
        ambiguous=given is None and ISO not in found.fitting and len(found.fitting) > 1,
        detail=detail,
    )


def _advice(given: str | None, found: Reading) -> tuple[str | None, str]:
    """The format to take, if any, and why."""
    only = found.fitting[0] if len(found.fitting) == 1 else None
    if given is not None and given in found.fitting:
        return given, "All of these values are days in the format given."
    if ISO in found.fitting:
        return None, "No format is needed."
    if not found.fitting:
        return None, "They are written in different ways." if found.values else "None of these values is a day."
    if given is not None:
        return only, "Some of these values are no days in the format given."
    if only is not None:
        return only, f"All of these values are days as {only} alone: give it as date_format."
    return None, "They could be read in several ways: say which, as date_format."


def _format(how: Any) -> FormatAnswer:
    return FormatAnswer(**{name: getattr(how, name) for name in FormatAnswer.model_fields})


def _answer(row: asyncpg.Record) -> ImportAnswer:
    fields = dict(row)
    how = msgspec.json.decode(fields.pop("file_format"))
    return ImportAnswer(
        id=fields.pop("import_id"),
        mapping=msgspec.json.decode(fields.pop("mapping")),
        file_format=FormatAnswer(**{name: how.get(name) for name in FormatAnswer.model_fields}),
        **fields,
    )
