"""Every statement on segments."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

import asyncpg
from rapport.database import Connection

_SEGMENT: Final = """
    SELECT key, name, description, rule, version, segment.created_at, changed_at, changed_by, rule_id, state, error,
           failing_since, retry_at, built_at,
           (SELECT count(*) FROM judgement WHERE judgement.rule_id = watched_rule.rule_id AND member) AS size
    FROM segment JOIN watched_rule USING (key)
    WHERE owner = 'segment'
"""
_PUT = """
    INSERT INTO segment AS kept (key, name, description, changed_by) VALUES ($1, $2, $3, $4)
    ON CONFLICT (key) DO UPDATE SET
        name = EXCLUDED.name, description = EXCLUDED.description, version = kept.version + 1, changed_at = now(),
        changed_by = EXCLUDED.changed_by
"""
_MEMBERS = """
    SELECT profile_id, since, value_class, lifecycle
    FROM judgement JOIN customer USING (profile_id)
    WHERE rule_id = $1 AND member AND ($2::uuid IS NULL OR profile_id > $2)
    ORDER BY profile_id LIMIT $3
"""
# A list keeps the identity that a profile began with, so that it follows merges and their undoing.
_ADD = """
    INSERT INTO listed (key, identity_id, added_by)
    SELECT $1, identity_id, $3 FROM (
        SELECT DISTINCT ON (asked.profile_id) identity_id
        FROM unnest($2::uuid[]) AS asked (profile_id) JOIN identity_map ON seed_profile_id = asked.profile_id
        ORDER BY asked.profile_id, identity_id
    ) AS found
    ORDER BY identity_id
    ON CONFLICT DO NOTHING
    RETURNING identity_id
"""
_REMOVE = """
    DELETE FROM listed
    WHERE key = $1 AND identity_id IN (
        SELECT identity_id FROM identity_map
        WHERE profile_id = ANY($2::uuid[])
           OR profile_id IN (SELECT profile_id FROM identity_map WHERE seed_profile_id = ANY($2::uuid[]))
    )
    RETURNING identity_id
"""
_PROFILES = "SELECT DISTINCT profile_id FROM identity_map WHERE identity_id = ANY($1::uuid[])"
_KNOWN = "SELECT DISTINCT seed_profile_id FROM identity_map WHERE seed_profile_id = ANY($1::uuid[])"
_SURVIVOR = "SELECT profile_id FROM identity_map WHERE seed_profile_id = $1 LIMIT 1"
_JUDGEMENT = "SELECT member, since, due_at FROM judgement WHERE rule_id = $1 AND profile_id = $2"


async def lock(connection: Connection) -> None:
    """Nobody else changes which segments there are until the end of the transaction: two might refer to each other."""
    await connection.execute("SELECT pg_advisory_xact_lock(7201973)")


async def read(connection: Connection, key: str) -> asyncpg.Record | None:
    """A segment with its size and health."""
    return await connection.fetchrow(f"{_SEGMENT} AND key = $1", key)


async def page(connection: Connection, after: str | None, limit: int) -> list[asyncpg.Record]:
    """Segments in the order of their keys."""
    return await connection.fetch(f"{_SEGMENT} AND ($1::text IS NULL OR key > $1) ORDER BY key LIMIT $2", after, limit)


async def rules(connection: Connection) -> list[asyncpg.Record]:
    """Key and rule of every segment."""
    return await connection.fetch("SELECT key, rule FROM watched_rule WHERE owner = 'segment' ORDER BY key")


async def customers(connection: Connection) -> int:
    """How many customers there are, exactly while they are few."""
    estimate = await connection.fetchval("SELECT reltuples::bigint FROM pg_class WHERE oid = 'customer'::regclass")
    return int(estimate if estimate > 50_000 else await connection.fetchval("SELECT count(*) FROM customer"))


async def waiting(connection: Connection) -> asyncpg.Record:
    """How many customers have changes that rules have not been asked about, and since when."""
    row = await connection.fetchrow("SELECT count(*), min(since) FROM unevaluated")
    assert row is not None  # noqa: S101  an aggregate gives its row
    return row


async def put(connection: Connection, key: str, name: str, description: str | None, by: str) -> None:
    """Write a segment."""
    await connection.execute(_PUT, key, name, description, by)


async def remove(connection: Connection, key: str) -> None:
    """Remove a segment."""
    await connection.execute("DELETE FROM segment WHERE key = $1", key)


async def members(connection: Connection, rule_id: int, after: UUID | None, limit: int) -> list[asyncpg.Record]:
    """Members in the order of their ids."""
    return await connection.fetch(_MEMBERS, rule_id, after, limit)


async def judgement(connection: Connection, rule_id: int, profile_id: UUID) -> asyncpg.Record | None:
    """What is kept of a profile."""
    return await connection.fetchrow(_JUDGEMENT, rule_id, profile_id)


async def survivor(connection: Connection, profile_id: UUID) -> UUID | None:
    """The present id of a profile."""
    found: UUID | None = await connection.fetchval(_SURVIVOR, profile_id)
    return found


async def add(connection: Connection, key: str, profiles: Sequence[UUID], by: str) -> list[UUID]:
    """Put profiles on a list; the identities that are new on it."""
    return [row[0] for row in await connection.fetch(_ADD, key, profiles, by)]


async def take_off(connection: Connection, key: str, profiles: Sequence[UUID]) -> list[UUID]:
    """Take profiles off a list; the identities that were on it."""
    return [row[0] for row in await connection.fetch(_REMOVE, key, profiles)]


async def profiles_of(connection: Connection, identities: Collection[UUID]) -> list[UUID]:
    """The profiles of some identities."""
    return [row[0] for row in await connection.fetch(_PROFILES, list(identities))]


async def known(connection: Connection, profiles: Sequence[UUID]) -> set[UUID]:
    """Those of some ids that are or were profiles."""
    return {row[0] for row in await connection.fetch(_KNOWN, profiles)}
