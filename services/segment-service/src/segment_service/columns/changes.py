"""Telling the column files of relations what has changed; always in the turn of the change that a number stands for."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from rapport.database import Connection

# More than this is written as a whole anyway.
_MOST_LOGGED: Final = 100_000

_LOG = """
    INSERT INTO column_change (relation, id, version)
    SELECT $1, id, $3 FROM unnest($2::uuid[]) AS given (id) ORDER BY id
    ON CONFLICT (relation, id) DO UPDATE SET version = EXCLUDED.version
"""
_WHOLE = """
    INSERT INTO column_part (name, whole_since) SELECT unnest($1::text[]), $2
    ON CONFLICT (name) DO UPDATE SET whole_since = EXCLUDED.whole_since
"""
_KNOWN = "INSERT INTO column_part (name) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING"


async def log(connection: Connection, relation: str, ids: Collection[UUID], version: int) -> None:
    """The rows of these profiles (of `identity`: these identities) have changed, or are gone."""
    if len(ids) > _MOST_LOGGED:
        await whole(connection, [relation], version)
    elif ids:
        await connection.execute(_LOG, relation, list(ids), version)


async def whole(connection: Connection, names: Collection[str], version: int) -> None:
    """Files made before this change must not be read any more, nor kept."""
    await connection.execute(_WHOLE, sorted(names), version)


async def known(connection: Connection, names: Collection[str]) -> None:
    """There are rows for these months."""
    await connection.execute(_KNOWN, sorted(names))
