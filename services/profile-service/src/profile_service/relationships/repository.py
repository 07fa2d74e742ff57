"""The SQL of relationships."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import asyncpg
from rapport.database import Connection

from profile_service.relationships.rules import HOUSEHOLD, Relationship

_COLUMNS = (
    "relationship_id, relationship.kind, a, b, one.profile_id AS a_profile, other.profile_id AS b_profile, role, note, "
    "since, until, relationship.created_at, created_by, removed_at, removed_by"
)
_JOINED = """
    relationship
    JOIN identity AS one ON one.identity_id = relationship.a
    JOIN identity AS other ON other.identity_id = relationship.b
"""
_PAGE = f"""
    SELECT {_COLUMNS} FROM {_JOINED}
    WHERE (a = ANY($1::uuid[]) OR b = ANY($1::uuid[])) AND ($2::text[] IS NULL OR relationship.kind = ANY($2))
      AND ($3 OR removed_at IS NULL) AND ($4::uuid IS NULL OR relationship_id < $4)
    ORDER BY relationship_id DESC LIMIT $5
"""
_ONE = f"""
    SELECT {_COLUMNS} FROM {_JOINED}
    WHERE relationship_id = $1 AND (a = ANY($2::uuid[]) OR b = ANY($2::uuid[])) AND removed_at IS NULL
"""
_HOLD = " FOR UPDATE OF relationship"
# Each side by its own index.
_AROUND = f"""
    SELECT {_COLUMNS} FROM {_JOINED} WHERE one.profile_id = ANY($1::uuid[]) AND removed_at IS NULL
    UNION
    SELECT {_COLUMNS} FROM {_JOINED} WHERE other.profile_id = ANY($1::uuid[]) AND removed_at IS NULL
    ORDER BY relationship_id LIMIT $2
"""


def _step(near: str, far: str) -> str:
    return f"""
        SELECT {_COLUMNS} FROM {_JOINED}
        WHERE {near}.profile_id = ANY($1::uuid[]) AND relationship.kind = $2 AND removed_at IS NULL
          AND {near}.profile_id <> {far}.profile_id
        ORDER BY relationship_id
    """


_UP, _DOWN = _step("one", "other"), _step("other", "one")
_HOUSEHOLDS = f"""
    SELECT one.profile_id AS a_profile, other.profile_id AS b_profile FROM {_JOINED}
    WHERE (one.profile_id = ANY($1::uuid[]) OR other.profile_id = ANY($1::uuid[]))
      AND relationship.kind = '{HOUSEHOLD}' AND removed_at IS NULL
      AND (since IS NULL OR since <= current_date) AND (until IS NULL OR until >= current_date)
"""
_ADD = """
    INSERT INTO relationship (kind, a, b, role, note, since, until, created_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING relationship_id
"""
_CHANGE = """
    UPDATE relationship SET role = $2, note = $3, since = $4, until = $5 WHERE relationship_id = $1
"""
_REMOVE = """
    UPDATE relationship SET removed_at = now(), removed_by = $2
    WHERE relationship_id = ANY($1::uuid[]) AND removed_at IS NULL
"""


async def lock(connection: Connection, kind: str) -> None:
    """Make those who change relationships of one kind take turns until the transaction ends.

    Whether a chain stays without a cycle depends on links anywhere in it, so nothing less will do.
    """
    await connection.execute("SELECT pg_advisory_xact_lock(5405, hashtext($1))", kind)


async def add(connection: Connection, kind: str, a: UUID, b: UUID, *details: Any, by: str) -> Relationship:
    """Keep a relationship; details are role, note, since and until."""
    relationship_id = await connection.fetchval(_ADD, kind, a, b, *(details or (None,) * 4), by)
    found = await one(connection, relationship_id, [a, b])
    assert found is not None  # noqa: S101  it was added just now
    return found


async def change(connection: Connection, row: Relationship) -> None:
    """Write role, note and days of a relationship."""
    await connection.execute(_CHANGE, row.relationship_id, row.role, row.note, row.since, row.until)


async def remove(connection: Connection, relationship_ids: Collection[UUID], by: str) -> None:
    """Mark relationships as removed."""
    await connection.execute(_REMOVE, list(relationship_ids), by)


async def one(
    connection: Connection, relationship_id: UUID, identities: Collection[UUID], *, hold: bool = False
) -> Relationship | None:
    """A relationship of one of these identities, not one that was removed; `hold` it until the transaction ends."""
    row = await connection.fetchrow(_ONE + (_HOLD if hold else ""), relationship_id, list(identities))
    return None if row is None else _relationship(row)


async def page(
    connection: Connection,
    identities: Collection[UUID],
    kinds: Collection[str] | None,
    before: UUID | None,
    limit: int,
    *,
    removed: bool,
) -> list[Relationship]:
    """Relationships of these identities, newest first."""
    wanted = None if kinds is None else list(kinds)
    rows = await connection.fetch(_PAGE, list(identities), wanted, removed, before, limit)
    return [_relationship(row) for row in rows]


async def around(connection: Connection, profiles: Collection[UUID], limit: int) -> list[Relationship]:
    """All that stand of some profiles, oldest first."""
    return [_relationship(row) for row in await connection.fetch(_AROUND, list(profiles), limit)]


async def up(connection: Connection, kind: str, profiles: Collection[UUID]) -> list[Relationship]:
    """One step along a kind, from those who say it to whom they say it of."""
    return [_relationship(row) for row in await connection.fetch(_UP, list(profiles), kind)]


async def down(connection: Connection, kind: str, profiles: Collection[UUID]) -> list[Relationship]:
    """One step against a kind."""
    return [_relationship(row) for row in await connection.fetch(_DOWN, list(profiles), kind)]


async def households(connection: Connection, profiles: Collection[UUID]) -> list[tuple[UUID, UUID]]:
    """Pairs of profiles that share a household today, each with one of `profiles`."""
    return [(row[0], row[1]) for row in await connection.fetch(_HOUSEHOLDS, list(profiles))]


def _relationship(row: asyncpg.Record) -> Relationship:
    return Relationship(**dict(row))
