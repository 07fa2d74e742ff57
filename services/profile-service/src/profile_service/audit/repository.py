"""The SQL of the audit trail."""

from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import UUID

import asyncpg
from rapport.database import Connection

_COLUMNS: Final = ("at", "profile_id", "kind", "action", "subject", "token_id", "key_id", "scopes", "times")
_INSERT: Final = f"""
    INSERT INTO audit ({", ".join(_COLUMNS)})
    SELECT $2, profile_id, $3, $4, $5, $6, $7, $8, 1 FROM unnest($1::uuid[]) AS profile_id
"""
_ADD_ALL: Final = f"""
    INSERT INTO audit ({", ".join(_COLUMNS)})
    SELECT at, profile_id, kind, action, subject, token_id, key_id, string_to_array(scopes, ' '), times
    FROM unnest($1::timestamptz[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                $9::int[]) AS entry (at, profile_id, kind, action, subject, token_id, key_id, scopes, times)
"""
_PAGE: Final = """
    SELECT audit_id, at, profile_id, kind, action, subject, token_id, key_id, scopes, times FROM audit
    WHERE profile_id = ANY($1::uuid[]) AND ($2::uuid IS NULL OR audit_id < $2)
    ORDER BY audit_id DESC LIMIT $3
"""


async def add(connection: Connection, profile_ids: Collection[UUID], *entry: Any) -> None:
    """Write down one action on several profiles: at, kind, action, subject, token, key, scopes."""
    await connection.execute(_INSERT, list(profile_ids), *entry)


async def add_all(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Write down many entries: the columns in order, scopes as one text."""
    await connection.execute(_ADD_ALL, *(list(column) for column in zip(*rows, strict=True)))


async def page(
    connection: Connection, profile_ids: Collection[UUID], before: UUID | None, limit: int
) -> list[asyncpg.Record]:
    """Entries about these profile ids, newest first."""
    return await connection.fetch(_PAGE, list(profile_ids), before, limit)
