"""Every statement on clusterings."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
from rapport.database import Connection

_COLUMNS: Final = "clustering_id, name, spec, job_id, created_at, as_of, result"
_KEPT: Final = 5
_COPY_SECONDS: Final = 3_600
_LATEST = """
    SELECT clustering_id, result FROM clustering WHERE name = $1 AND result IS NOT NULL
    ORDER BY clustering_id DESC LIMIT 1
"""
# Members whose profile went into another since are members under the profile that is left.
MEMBERS_BEFORE = """
    SELECT DISTINCT ON (profile_id) COALESCE(survivor.profile_id, member.profile_id) AS profile_id, group_key
    FROM clustering_member AS member
    LEFT JOIN identity_map AS survivor ON survivor.seed_profile_id = member.profile_id
    WHERE clustering_id = $1 ORDER BY profile_id, group_key
"""
_MEMBERS = """
    SELECT profile_id FROM clustering_member JOIN customer USING (profile_id)
    WHERE clustering_id = $1 AND group_key = $2 AND ($3::uuid IS NULL OR profile_id > $3)
    ORDER BY profile_id LIMIT $4
"""
_OUTDATED = """
    DELETE FROM clustering_member WHERE clustering_id IN (
        SELECT clustering_id FROM clustering WHERE name = $1 AND result IS NOT NULL
        ORDER BY clustering_id DESC OFFSET $2
    )
"""


async def new_id(connection: Connection) -> UUID:
    """An id, later ones greater."""
    found: UUID = await connection.fetchval("SELECT uuidv7()")
    return found


async def insert(connection: Connection, name: str, spec: dict[str, Any], job_id: UUID, clustering_id: UUID) -> None:
    """Keep what is asked for."""
    await connection.execute(
        "INSERT INTO clustering (clustering_id, name, spec, job_id) VALUES ($1, $2, $3, $4)",
        clustering_id,
        name,
        msgspec.json.encode(spec).decode(),
        job_id,
    )


async def read(connection: Connection, clustering_id: UUID) -> asyncpg.Record | None:
    """A clustering by its id."""
    return await connection.fetchrow(f"SELECT {_COLUMNS} FROM clustering WHERE clustering_id = $1", clustering_id)


async def page(connection: Connection, name: str | None, before: UUID | None, limit: int) -> list[asyncpg.Record]:
    """Clusterings, the newest first."""
    return await connection.fetch(
        f"SELECT {_COLUMNS} FROM clustering WHERE ($1::text IS NULL OR name = $1) "
        "AND ($2::uuid IS NULL OR clustering_id < $2) ORDER BY clustering_id DESC LIMIT $3",
        name,
        before,
        limit,
    )


async def latest(connection: Connection, name: str) -> asyncpg.Record | None:
    """The last finished clustering of a name."""
    return await connection.fetchrow(_LATEST, name)


async def export_members(connection: Connection, clustering_id: UUID, target: Path) -> None:
    """Who was in which group, as a CSV file."""
    await connection.copy_from_query(MEMBERS_BEFORE, clustering_id, output=target, format="csv", timeout=_COPY_SECONDS)


async def finish(
    connection: Connection, clustering_id: UUID, name: str, as_of: Any, result: dict[str, Any], rows: Path
) -> None:
    """Keep what was found and who is in which group; the members of old runs go, and who was erased meanwhile."""
    await connection.execute("DELETE FROM clustering_member WHERE clustering_id = $1", clustering_id)
    await connection.execute("CREATE TEMP TABLE found (profile_id uuid, group_key text) ON COMMIT DROP")
    await connection.copy_to_table("found", source=rows, format="csv", timeout=_COPY_SECONDS)
    await connection.execute(
        "INSERT INTO clustering_member (clustering_id, profile_id, group_key) "
        "SELECT $1, profile_id, group_key FROM found JOIN customer USING (profile_id)",
        clustering_id,
        timeout=_COPY_SECONDS,
    )
    await connection.execute(
        "UPDATE clustering SET as_of = $2, result = $3 WHERE clustering_id = $1",
        clustering_id,
        as_of,
        msgspec.json.encode(result).decode(),
    )
    await connection.execute(_OUTDATED, name, _KEPT)


async def members(
    connection: Connection, clustering_id: UUID, group: str, after: UUID | None, limit: int
) -> list[UUID]:
    """Customers of a group, in the order of their ids."""
    return [row[0] for row in await connection.fetch(_MEMBERS, clustering_id, group, after, limit)]
