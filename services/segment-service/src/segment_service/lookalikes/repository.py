"""Every statement on look-alikes."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec
from rapport.database import Connection

_COLUMNS: Final = "lookalike_id, name, spec, job_id, created_at, as_of, result"
_COPY_SECONDS: Final = 3_600
_RANKED = """
    SELECT profile_id, place, score FROM lookalike_score JOIN customer USING (profile_id)
    WHERE lookalike_id = $1 AND place > $2 ORDER BY place LIMIT $3
"""


async def new_id(connection: Connection) -> UUID:
    """An id, later ones greater."""
    found: UUID = await connection.fetchval("SELECT uuidv7()")
    return found


async def insert(connection: Connection, name: str, spec: dict[str, Any], job_id: UUID, lookalike_id: UUID) -> None:
    """Keep what is asked for."""
    await connection.execute(
        "INSERT INTO lookalike (lookalike_id, name, spec, job_id) VALUES ($1, $2, $3, $4)",
        lookalike_id,
        name,
        msgspec.json.encode(spec).decode(),
        job_id,
    )


async def read(connection: Connection, lookalike_id: UUID) -> asyncpg.Record | None:
    """A look-alike by its id."""
    return await connection.fetchrow(f"SELECT {_COLUMNS} FROM lookalike WHERE lookalike_id = $1", lookalike_id)


async def page(connection: Connection, before: UUID | None, limit: int) -> list[asyncpg.Record]:
    """Look-alikes, the newest first."""
    return await connection.fetch(
        f"SELECT {_COLUMNS} FROM lookalike WHERE $1::uuid IS NULL OR lookalike_id < $1 "
        "ORDER BY lookalike_id DESC LIMIT $2",
        before,
        limit,
    )


async def finish(
    connection: Connection, lookalike_id: UUID, as_of: datetime, result: dict[str, Any], rows: Path
) -> None:
    """Keep what was found and everybody's place but of those erased meanwhile."""
    await connection.execute("DELETE FROM lookalike_score WHERE lookalike_id = $1", lookalike_id)
    await connection.execute("CREATE TEMP TABLE found (profile_id uuid, score real, place integer) ON COMMIT DROP")
    await connection.copy_to_table("found", source=rows, format="csv", timeout=_COPY_SECONDS)
    await connection.execute(
        "INSERT INTO lookalike_score (lookalike_id, profile_id, score, place) "
        "SELECT $1, profile_id, score, place FROM found JOIN customer USING (profile_id) WHERE place > 0",
        lookalike_id,
        timeout=_COPY_SECONDS,
    )
    await connection.execute(
        "UPDATE lookalike SET as_of = $2, result = $3 WHERE lookalike_id = $1",
        lookalike_id,
        as_of,
        msgspec.json.encode(result).decode(),
    )


async def remove(connection: Connection, lookalike_id: UUID) -> bool:
    """Remove a look-alike with its ranking; whether there was one."""
    done: str = await connection.execute("DELETE FROM lookalike WHERE lookalike_id = $1", lookalike_id)
    return done == "DELETE 1"


async def ranking(connection: Connection, lookalike_id: UUID, after: int, limit: int) -> list[asyncpg.Record]:
    """Customers in the order of their places."""
    return await connection.fetch(_RANKED, lookalike_id, after, limit)
