"""The SQL of the attribute catalogue."""

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from rapport.database import Connection

from profile_service.attributes.rules import Attribute
from profile_service.facts.rules import Survivorship
from profile_service.ledger.repository import Reader

_COLUMNS = "key, version, schema, label, repeating, personal, searchable, survivorship, changed_at, changed_by"
_OF = f"SELECT {_COLUMNS} FROM attribute WHERE key = ANY($1::text[])"
_PAGE = f"SELECT {_COLUMNS} FROM attribute WHERE $1::text IS NULL OR key > $1 ORDER BY key LIMIT $2"
_VERSIONS = f"""
    SELECT {_COLUMNS} FROM attribute_version WHERE key = $1 AND ($2::int IS NULL OR version < $2)
    ORDER BY version DESC LIMIT $3
"""
_KIN = """
    SELECT key FROM attribute WHERE starts_with($1, key || '.') OR starts_with(key, $1 || '.') ORDER BY key LIMIT 1
"""
# The latest version there ever was: a key that is defined anew goes on counting.
_PUT = f"""
    WITH put AS (
        INSERT INTO attribute (key, version, schema, label, repeating, personal, searchable, survivorship, changed_by)
        SELECT $1, 1 + coalesce((SELECT max(version) FROM attribute_version WHERE key = $1), 0),
               $2::jsonb, $3, $4, $5, $6, $7::jsonb, $8
        ON CONFLICT (key) DO UPDATE SET
            version = excluded.version, schema = excluded.schema, label = excluded.label,
            repeating = excluded.repeating, personal = excluded.personal, searchable = excluded.searchable,
            survivorship = excluded.survivorship, changed_by = excluded.changed_by, changed_at = now()
        RETURNING {_COLUMNS}
    ), kept AS (
        INSERT INTO attribute_version ({_COLUMNS}) SELECT {_COLUMNS} FROM put
    )
    SELECT {_COLUMNS} FROM put
"""
_VALUES = """
    SELECT value, count(*) AS times FROM (
        SELECT value FROM fact WHERE key = $1 AND value <> 'null' AND withdrawn_at IS NULL
        UNION ALL
        SELECT value FROM record WHERE key = $1 AND NOT deleted
    ) AS kept GROUP BY value
"""
_HOLDERS = """
    SELECT profile_id FROM (
        SELECT identity_id FROM fact WHERE search && $1::text[] AND withdrawn_at IS NULL
        UNION
        SELECT identity_id FROM record WHERE search && $1::text[]
    ) AS holder JOIN identity USING (identity_id)
    WHERE $2::uuid IS NULL OR profile_id > $2
    GROUP BY profile_id ORDER BY profile_id LIMIT $3
"""
_TOKENS = r"SELECT ARRAY[$1 || E'\x1f' || left(lower($2), 200), $1 || E'\x1f' || $3]"
_INDEX = tuple(
    f"""
    UPDATE {table} SET search = CASE WHEN $2 {condition} THEN search_tokens(key, value) END
    WHERE key = $1 AND search IS DISTINCT FROM CASE WHEN $2 {condition} THEN search_tokens(key, value) END
    """
    for table, condition in (("fact", ""), ("record", "AND NOT deleted"))
)


async def lock(connection: Connection, key: str) -> None:
    """Make those who define this key, or one around or within it, take turns until the transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock(5404, hashtext(split_part($1, '.', 1)))", key)


async def of(reader: Reader, keys: Collection[str], *, hold: bool = False) -> dict[str, Attribute]:
    """Attributes by key; keys not defined are left out. `hold` them as they are until the transaction ends."""
    if not keys:
        return {}
    rows = await reader.fetch(_OF + (" ORDER BY key FOR SHARE" if hold else ""), list(keys))
    return {row["key"]: _attribute(row) for row in rows}


async def page(connection: Connection, after: str | None, limit: int) -> list[Attribute]:
    """All attributes in the order of their keys."""
    return [_attribute(row) for row in await connection.fetch(_PAGE, after, limit)]


async def versions(connection: Connection, key: str, before: int | None, limit: int) -> list[Attribute]:
    """An attribute as it is and was, newest first."""
    return [_attribute(row) for row in await connection.fetch(_VERSIONS, key, before, limit)]


async def kin(connection: Connection, key: str) -> str | None:
    """An attribute around or within this key."""
    found: str | None = await connection.fetchval(_KIN, key)
    return found


async def put(
    connection: Connection,
    key: str,
    schema: Mapping[str, Any],
    label: str | None,
    *,
    repeating: bool,
    personal: bool,
    searchable: bool,
    survivorship: Mapping[str, Any] | None,
    by: str,
) -> Attribute:
    """Define an attribute, as its next version."""
    row = await connection.fetchrow(
        _PUT,
        key,
        msgspec.json.encode(schema).decode(),
        label,
        repeating,
        personal,
        searchable,
        None if survivorship is None else msgspec.json.encode(survivorship).decode(),
        by,
    )
    assert row is not None  # noqa: S101  an upsert returns its row
    return _attribute(row)


async def remove(connection: Connection, key: str) -> None:
    """Undefine an attribute; its versions stay."""
    await connection.execute("DELETE FROM attribute WHERE key = $1", key)


async def index(connection: Connection, key: str, *, searchable: bool) -> None:
    """Make what is kept under a key findable, or no longer."""
    for statement in _INDEX:
        await connection.execute(statement, key, searchable)


async def values(connection: Connection, key: str) -> AsyncIterator[tuple[Any, int]]:
    """Every different value kept under a key, and how often."""
    async for row in connection.cursor(_VALUES, key, prefetch=5_000):
        yield msgspec.json.decode(row["value"]), row["times"]


async def holders(
    connection: Connection, path: str, text: str, number: str, after: UUID | None, limit: int
) -> list[UUID]:
    """Profiles of which some record, or some fact whether it wins or not, has this text or number at a searchable
    path."""
    tokens = await connection.fetchval(_TOKENS, path, text, number)
    return [row[0] for row in await connection.fetch(_HOLDERS, tokens, after, limit)]


def _attribute(row: asyncpg.Record) -> Attribute:
    fields = dict(row)
    fields["encoded"] = fields.pop("schema")
    if fields["survivorship"] is not None:
        fields["survivorship"] = msgspec.json.decode(fields["survivorship"], type=Survivorship)
    return Attribute(**fields)
