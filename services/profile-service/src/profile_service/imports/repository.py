"""The SQL of imports."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, BinaryIO, Final
from uuid import UUID

import asyncpg
import msgspec
from rapport.database import Connection

from profile_service.ledger.repository import Reader

_PART: Final = 1 << 20
_PARTS_AT_ONCE: Final = 8

_IMPORT = """
    import_id, list_import.job_id, source, lawful_basis, permitted_uses, expires_at, country, mapping, file_name,
    file_size, file_format, rows, accepted, rejected, created_by, list_import.created_at, state, error, finished_at
"""
_INSERT = """
    INSERT INTO list_import (import_id, job_id, source, lawful_basis, permitted_uses, expires_at, country, mapping,
                             file_name, file_size, file_format, created_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9, $10, $11::jsonb, $12)
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
_SEARCHABLE = "SELECT key, searchable FROM attribute WHERE key = ANY($1::text[]) ORDER BY key FOR SHARE"
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
    await connection.execute(_ENROL, sorted(set(identities)), import_id)


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


async def tell_new(
    connection: Connection,
    fact_ids: Sequence[UUID],
    owners: Sequence[UUID],
    values: Mapping[str, Sequence[str | None]],
    source: str,
    confidence: float,
    observed_at: datetime,
    expires_at: datetime | None,
) -> None:
    """Store observed facts of identities that have none yet: for each key the JSON texts, in the order of `owners`.

    The texts are canonical, so that their digests are those of facts told one by one.
    """
    if not values:
        return
    # Held until the facts are in: what becomes searchable meanwhile misses none.
    defined = await connection.fetch(_SEARCHABLE, list(values))
    searchable = [row["key"] for row in defined if row["searchable"]]
    search = "CASE WHEN key = ANY(searchable) THEN search_tokens(key, value::jsonb) END" if searchable else "NULL"
    # Key by key would visit every identity's place in the index once for each.
    columns = "".join(f", ${place}::text[]" for place in range(8, 8 + len(values)))
    names = "".join(f", v{place}" for place in range(len(values)))
    pairs = ", ".join(f"(k[{place + 1}], v{place}, {place})" for place in range(len(values)))
    await connection.execute(
        f"""
        INSERT INTO fact (fact_id, identity_id, key, value, digest, origin, source, confidence, first_observed_at,
                          observed_at, expires_at, search)
        SELECT ids[(turn - 1) * {len(values)} + place + 1], owner, key, value::jsonb,
               sha256(convert_to(value, 'UTF8')), 'observed', $3, $4, $5, $5, $6, {search}
        FROM (SELECT $1::uuid[] AS ids, $7::text[] AS searchable, ${8 + len(values)}::text[] AS k) AS given
        CROSS JOIN unnest($2::uuid[]{columns}) WITH ORDINALITY AS person(owner{names}, turn)
        CROSS JOIN LATERAL (VALUES {pairs}) AS fact(key, value, place)
        WHERE value IS NOT NULL
        """,
        list(fact_ids),
        list(owners),
        source,
        confidence,
        observed_at,
        expires_at,
        searchable,
        *(list(column) for column in values.values()),
        list(values),
    )
