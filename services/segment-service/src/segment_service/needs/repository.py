"""Every statement on need groups and who is in them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import asyncpg
import msgspec
from rapport.database import Connection

_GROUP: Final = """
    SELECT key, document, version, changed_at, changed_by,
           (SELECT count(*) FROM need_held AS held JOIN customer USING (profile_id)
            WHERE held.need_group = need_group.key) AS customers,
           watched.state, watched.error
    FROM need_group, LATERAL (
        SELECT CASE WHEN bool_or(state = 'failing') THEN 'failing' WHEN bool_or(state = 'building') THEN 'building'
                    ELSE 'ready' END AS state, min(error) AS error
        FROM watched_rule WHERE owner = 'need' AND split_part(watched_rule.key, ':', 1) = need_group.key
    ) AS watched
"""
_PUT = """
    INSERT INTO need_group AS kept (key, document, changed_by) VALUES ($1, $2, $3)
    ON CONFLICT (key) DO UPDATE SET
        document = EXCLUDED.document, version = kept.version + 1, changed_at = now(), changed_by = EXCLUDED.changed_by
"""
_ANSWERS = """
    SELECT profile_id, split_part(key, ':', 2)::int FROM judgement JOIN watched_rule USING (rule_id)
    WHERE owner = 'need' AND split_part(key, ':', 1) = $1 AND member AND profile_id = ANY($2::uuid[])
"""
_EVERYBODY = """
    SELECT profile_id FROM need_held WHERE need_group = $1 UNION
    SELECT profile_id FROM judgement JOIN watched_rule USING (rule_id)
    WHERE owner = 'need' AND split_part(key, ':', 1) = $1 AND member
"""
_KEEP = """
    INSERT INTO need_held AS kept (profile_id, need_group, confidence, since)
    SELECT profile_id, $1, confidence, $4 FROM unnest($2::uuid[], $3::float8[]) AS given (profile_id, confidence)
    ORDER BY profile_id
    ON CONFLICT (profile_id, need_group) DO UPDATE SET confidence = EXCLUDED.confidence
    WHERE kept.confidence <> EXCLUDED.confidence
    RETURNING profile_id, old.profile_id IS NULL AS moved
"""
_DROP = "DELETE FROM need_held WHERE need_group = $1 AND profile_id = ANY($2::uuid[]) RETURNING profile_id"
_MEMBERS = """
    SELECT profile_id, confidence, since FROM need_held JOIN customer USING (profile_id)
    WHERE need_group = $1 AND ($2::float8 IS NULL OR (confidence, profile_id) < ($2, $3))
    ORDER BY confidence DESC, profile_id DESC LIMIT $4
"""
_MATRIX = """
    SELECT value_class, need_group, count(*), sum(period_revenue)
    FROM customer LEFT JOIN need_held USING (profile_id)
    GROUP BY value_class, need_group
"""
_HELD = "SELECT need_group, confidence, since FROM need_held WHERE profile_id = $1"


class Moved(NamedTuple):
    """A profile that is in a group now and was not, or the other way round."""

    profile_id: UUID
    member: bool


async def read(connection: Connection, key: str) -> asyncpg.Record | None:
    """A need group by its key."""
    return await connection.fetchrow(f"{_GROUP} WHERE key = $1", key)


async def page(connection: Connection, after: str | None, limit: int) -> list[asyncpg.Record]:
    """Need groups in the order of their keys."""
    return await connection.fetch(f"{_GROUP} WHERE $1::text IS NULL OR key > $1 ORDER BY key LIMIT $2", after, limit)


async def put(connection: Connection, key: str, document: dict[str, Any], by: str) -> None:
    """Write a need group."""
    await connection.execute(_PUT, key, msgspec.json.encode(document).decode(), by)


async def remove(connection: Connection, key: str) -> None:
    """Remove a need group and who is in it."""
    await connection.execute("DELETE FROM need_group WHERE key = $1", key)
    await connection.execute("DELETE FROM need_held WHERE need_group = $1", key)


async def answers(connection: Connection, key: str, profiles: Collection[UUID]) -> list[tuple[UUID, int]]:
    """Which pieces of evidence hold for some profiles, by their places."""
    return [(row[0], row[1]) for row in await connection.fetch(_ANSWERS, key, list(profiles))]


async def everybody(connection: Connection, key: str) -> list[UUID]:
    """Whom a group concerns: who is in it, and for whom some evidence holds."""
    return [row[0] for row in await connection.fetch(_EVERYBODY, key)]


async def keep(
    connection: Connection, key: str, found: Sequence[tuple[UUID, float | None]], now: datetime
) -> list[Moved]:
    """Write who is in a group and how sure that is, None for not; those who enter or leave."""
    inside = [(profile, sure) for profile, sure in found if sure is not None]
    kept = await connection.fetch(_KEEP, key, [each[0] for each in inside], [each[1] for each in inside], now)
    outside = [profile for profile, sure in found if sure is None]
    dropped = await connection.fetch(_DROP, key, outside) if outside else []
    return [*(Moved(row[0], True) for row in kept if row["moved"]), *(Moved(row[0], False) for row in dropped)]


async def members(
    connection: Connection, key: str, after: tuple[float, UUID] | None, limit: int
) -> list[asyncpg.Record]:
    """Customers in a group, the surest first."""
    confidence, profile = after or (None, None)
    return await connection.fetch(_MEMBERS, key, confidence, profile, limit)


async def held(connection: Connection, profile_id: UUID) -> dict[str, asyncpg.Record]:
    """The groups that a profile is in."""
    return {row["need_group"]: row for row in await connection.fetch(_HELD, profile_id)}


async def matrix(connection: Connection) -> list[asyncpg.Record]:
    """Customers and sales by class and group."""
    return await connection.fetch(_MATRIX)
