"""Every statement on gradings and who holds which grade."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import asyncpg
import msgspec
from rapport.database import Connection

_GRADING: Final = """
    SELECT key, name, grades, version, changed_at, changed_by,
           COALESCE((SELECT max(state) FILTER (WHERE state = 'failing') FROM watched_rule
                     WHERE owner = 'grading' AND split_part(watched_rule.key, ':', 1) = grading.key),
                    (SELECT min(state) FROM watched_rule
                     WHERE owner = 'grading' AND split_part(watched_rule.key, ':', 1) = grading.key)) AS state,
           (SELECT min(error) FROM watched_rule
            WHERE owner = 'grading' AND split_part(watched_rule.key, ':', 1) = grading.key) AS error
    FROM grading
"""
_PUT = """
    INSERT INTO grading AS kept (key, name, grades, changed_by) VALUES ($1, $2, $3, $4)
    ON CONFLICT (key) DO UPDATE SET
        name = EXCLUDED.name, grades = EXCLUDED.grades, version = kept.version + 1, changed_at = now(),
        changed_by = EXCLUDED.changed_by
"""
_ANSWERS = """
    SELECT profile_id, key FROM judgement JOIN watched_rule USING (rule_id)
    WHERE owner = 'grading' AND split_part(key, ':', 1) = $1 AND member AND profile_id = ANY($2::uuid[])
"""
# What a profile that went into this one held counts as held by this one.
_HELD = """
    SELECT DISTINCT identity_map.profile_id, grade
    FROM identity_map JOIN grade_held ON grade_held.profile_id IN (seed_profile_id, identity_map.profile_id)
    WHERE identity_map.profile_id = ANY($2::uuid[]) AND scheme = $1
"""
_KEEP = """
    INSERT INTO grade_held AS kept (profile_id, scheme, grade, since)
    SELECT profile_id, $1, grade, $4 FROM unnest($2::uuid[], $3::text[]) AS given (profile_id, grade)
    WHERE grade IS NOT NULL ORDER BY profile_id
    ON CONFLICT (profile_id, scheme) DO UPDATE SET grade = EXCLUDED.grade, since = EXCLUDED.since
    WHERE kept.grade <> EXCLUDED.grade
    RETURNING profile_id, old.grade AS before, new.grade AS after
"""
_DROP = """
    DELETE FROM grade_held WHERE scheme = $1 AND profile_id = ANY($2::uuid[])
    RETURNING profile_id, grade AS before, NULL AS after
"""
_HOLDERS = """
    SELECT profile_id, since FROM grade_held JOIN customer USING (profile_id)
    WHERE scheme = $1 AND grade = $2 AND ($3::uuid IS NULL OR profile_id > $3) ORDER BY profile_id LIMIT $4
"""
_SIZES = "SELECT grade, count(*) FROM grade_held JOIN customer USING (profile_id) WHERE scheme = $1 GROUP BY grade"


class Moved(NamedTuple):
    """A profile whose grade is another one now; None is no grade."""

    profile_id: UUID
    before: str | None
    after: str | None


async def read(connection: Connection, key: str) -> asyncpg.Record | None:
    """A grading by its key."""
    return await connection.fetchrow(f"{_GRADING} WHERE key = $1", key)


async def page(connection: Connection, after: str | None, limit: int) -> list[asyncpg.Record]:
    """Gradings in the order of their keys."""
    return await connection.fetch(f"{_GRADING} WHERE $1::text IS NULL OR key > $1 ORDER BY key LIMIT $2", after, limit)


async def put(connection: Connection, key: str, name: str, grades: Sequence[dict[str, Any]], by: str) -> None:
    """Write a grading."""
    await connection.execute(_PUT, key, name, msgspec.json.encode(grades).decode(), by)


async def remove(connection: Connection, key: str) -> list[UUID]:
    """Remove a grading and the grades that are held in it; who held one."""
    await connection.execute("DELETE FROM grading WHERE key = $1", key)
    return [row[0] for row in await connection.fetch("DELETE FROM grade_held WHERE scheme = $1 RETURNING 1", key)]


async def everybody(connection: Connection, scheme: str) -> list[UUID]:
    """Whom a scheme concerns: who holds a grade, and for whom some rule holds."""
    rows = await connection.fetch(
        "SELECT profile_id FROM grade_held WHERE scheme = $1 UNION "
        "SELECT profile_id FROM judgement JOIN watched_rule USING (rule_id) "
        "WHERE owner = 'grading' AND split_part(key, ':', 1) = $1 AND member",
        scheme,
    )
    return [row[0] for row in rows]


async def answers(connection: Connection, scheme: str, profiles: Collection[UUID]) -> list[tuple[UUID, str]]:
    """Keys of the rules of a scheme that hold for some profiles."""
    return [(row[0], row[1]) for row in await connection.fetch(_ANSWERS, scheme, list(profiles))]


async def held(connection: Connection, scheme: str, profiles: Collection[UUID]) -> list[tuple[UUID, str]]:
    """Grades that some profiles hold, those included that went into them."""
    return [(row[0], row[1]) for row in await connection.fetch(_HELD, scheme, list(profiles))]


async def keep(
    connection: Connection, scheme: str, grades: Sequence[tuple[UUID, str | None]], now: datetime
) -> list[Moved]:
    """Write grades; those that are other than before."""
    profiles, found = [each[0] for each in grades], [each[1] for each in grades]
    kept = await connection.fetch(_KEEP, scheme, profiles, found, now)
    gone = [profile for profile, grade in grades if grade is None]
    dropped = await connection.fetch(_DROP, scheme, gone) if gone else []
    return [Moved(*row) for row in [*kept, *dropped]]


async def sizes(connection: Connection, scheme: str) -> dict[str, int]:
    """How many customers hold each grade."""
    return {row[0]: row[1] for row in await connection.fetch(_SIZES, scheme)}


async def holders(
    connection: Connection, scheme: str, grade: str, after: UUID | None, limit: int
) -> list[asyncpg.Record]:
    """Customers with a grade, in the order of their ids."""
    return await connection.fetch(_HOLDERS, scheme, grade, after, limit)
