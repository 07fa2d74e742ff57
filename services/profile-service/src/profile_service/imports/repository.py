"""The SQL of imports."""

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, BinaryIO, Final
from uuid import UUID

import asyncpg
import msgspec
from rapport.database import Connection

from profile_service.ledger.repository import Reader

_number = attrgetter("int")
_PART: Final = 1 << 20
_PARTS_AT_ONCE: Final = 8

_IMPORT = """
    import_id, list_import.job_id, source, lawful_basis, permitted_uses, expires_at, country, date_format, mapping,
    file_name, file_size, file_format, rows, accepted, rejected, created_by, list_import.created_at, state, error,
    finished_at
"""
_INSERT = """
    INSERT INTO list_import (import_id, job_id, source, lawful_basis, permitted_uses, expires_at, country, date_format,
                             mapping, file_name, file_size, file_format, created_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10, $11, $12::jsonb, $13)
"""
_READ = f"SELECT {_IMPORT} FROM list_import JOIN job USING (job_id) WHERE import_id = $1"
_PAGE = f"""
    SELECT {_IMPORT} FROM list_import JOIN job USING (job_id)
    WHERE $1::uuid IS NULL OR import_id < $1 ORDER BY import_id DESC LIMIT $2
"""
_PARTS = """
    SELECT number, data FROM import_file_part WHERE import_id = $1 AND number >= $2 ORDER BY number LIMIT $3
"""
_COUNT = """
    UPDATE list_import SET rows = rows + $2::bigint + $3, accepted = accepted + $2, rejected = rejected + $3
    WHERE import_id = $1
"""
_FAULTS = """
    INSERT INTO import_fault (import_id, "row", number, "column", reason, value)
    SELECT $1, * FROM unnest($2::bigint[], $3::int[], $4::text[], $5::text[], $6::text[])
"""
_ENROL = """
    INSERT INTO list_membership (identity_id, import_id) SELECT id, $2 FROM unnest($1::uuid[]) AS id
    ON CONFLICT DO NOTHING
"""
_KNOWN = "SELECT identity_id, profile_id, first_seen FROM identity WHERE identity_id = ANY($1::uuid[])"
_LINKED = """
    SELECT a, b FROM link JOIN unnest($1::uuid[], $2::uuid[]) AS pair(pair_a, pair_b) ON a = pair_a AND b = pair_b
    WHERE kind = 'import' AND state = 'accepted' AND retracted_at IS NULL AND evidence_at <= $3
"""
_LIKE = """
    SELECT other.import_id FROM list_import AS this JOIN list_import AS other
        ON (other.source, other.permitted_uses) = (this.source, this.permitted_uses)
        AND other.lawful_basis IS NOT DISTINCT FROM this.lawful_basis
        AND other.expires_at IS NOT DISTINCT FROM this.expires_at
    WHERE this.import_id = $1
"""
_FORGET_FILES = """
    DELETE FROM import_file_part USING list_import JOIN job USING (job_id)
    WHERE import_file_part.import_id = list_import.import_id AND finished_at < now() - make_interval(secs => $1)
"""
_FORGET_VALUES = """
    UPDATE import_fault SET value = NULL WHERE value IS NOT NULL AND created_at < now() - make_interval(days => $1)
"""


async def insert(connection: Connection, *values: Any) -> None:
    """Keep what a list is; values in the order of the table's columns, objects as JSON."""
    plain = [
        msgspec.json.encode(each).decode() if isinstance(each, (dict, msgspec.Struct)) else each for each in values
    ]
    await connection.execute(_INSERT, *plain)


async def read(connection: Reader, import_id: UUID) -> asyncpg.Record | None:
    """A list with the state of its job."""
    return await connection.fetchrow(_READ, import_id)


async def page(connection: Reader, before: UUID | None, limit: int) -> list[asyncpg.Record]:
    """Lists, newest first."""
    return await connection.fetch(_PAGE, before, limit)


async def keep_file(connection: Connection, import_id: UUID, file: BinaryIO) -> None:
    """Store a file in parts."""
    file.seek(0)
    number = 0
    while parts := [part for _ in range(_PARTS_AT_ONCE) if (part := file.read(_PART))]:
        await connection.copy_records_to_table(
            "import_file_part",
            records=[(import_id, number + place, part) for place, part in enumerate(parts)],
            columns=["import_id", "number", "data"],
        )
        number += len(parts)


async def file_parts(connection: Reader, import_id: UUID) -> AsyncIterator[bytes]:
    """The file as it was stored, part by part."""
    number = 0
    while rows := await connection.fetch(_PARTS, import_id, number, _PARTS_AT_ONCE):
        for row in rows:
            yield row["data"]
        number += len(rows)


async def forget_file(connection: Connection, import_id: UUID) -> None:
    """Remove a file that nobody needs any more."""
    await connection.execute("DELETE FROM import_file_part WHERE import_id = $1", import_id)


async def forget_ended(connection: Connection, file_seconds: float, value_days: int) -> None:
    """Remove files of imports that ended some time ago, and bad values kept long enough to be mended."""
    await connection.execute(_FORGET_FILES, file_seconds)
    await connection.execute(_FORGET_VALUES, value_days)


async def count(connection: Connection, import_id: UUID, accepted: int, rejected: int) -> None:
    """Add to what was read."""
    await connection.execute(_COUNT, import_id, accepted, rejected)


async def keep_faults(
    connection: Connection, import_id: UUID, faults: Iterable[tuple[int, int, str | None, str, str | None]]
) -> None:
    """Note faults as (row, number within it, column, reason, value)."""
    if columns := [list(column) for column in zip(*faults, strict=True)]:
        await connection.execute(_FAULTS, import_id, *columns)


async def faults(connection: Reader, import_id: UUID, after: tuple[int, int], limit: int) -> list[asyncpg.Record]:
    """Faults in the order of the rows, after one given as (row, number)."""
    return await connection.fetch(
        'SELECT "row", number, "column", reason, value FROM import_fault '
        'WHERE import_id = $1 AND ("row", number) > ($2, $3) ORDER BY "row", number LIMIT $4',
        import_id,
        *after,
        limit,
    )


async def enrol(connection: Connection, import_id: UUID, identities: Collection[UUID]) -> None:
    """Note that identities are on a list."""
    await connection.execute(_ENROL, sorted(set(identities), key=_number), import_id)


async def enrol_new(connection: Connection, import_id: UUID, identities: Iterable[UUID]) -> None:
    """Note that identities, each once, are on a list on which they cannot be yet."""
    rows = [(each, import_id) for each in sorted(identities, key=_number)]
    await connection.copy_records_to_table("list_membership", records=rows, columns=["identity_id", "import_id"])


async def known(connection: Connection, identities: Collection[UUID]) -> dict[UUID, tuple[UUID, datetime]]:
    """Profile and first sighting of each of these identities that exists."""
    rows = await connection.fetch(_KNOWN, list(identities))
    return {row["identity_id"]: (row["profile_id"], row["first_seen"]) for row in rows}


async def linked(connection: Connection, pairs: Sequence[tuple[UUID, UUID]], by: datetime) -> set[tuple[UUID, UUID]]:
    """Those of these ordered pairs that an import had linked at a time."""
    if not pairs:
        return set()
    rows = await connection.fetch(_LINKED, *(list(side) for side in zip(*pairs, strict=True)), by)
    return {(row["a"], row["b"]) for row in rows}


async def lists_like(connection: Connection, import_id: UUID) -> frozenset[UUID]:
    """A list and the others from its source on the same terms."""
    return frozenset(row["import_id"] for row in await connection.fetch(_LIKE, import_id))
