"""Locks on the ledger, and looking things up in it."""

from collections.abc import Collection
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

import asyncpg
from rapport.database import Connection

from profile_service.ledger.records import Evidence, IdentityRow

Reader: TypeAlias = "Connection | asyncpg.Pool[asyncpg.Record]"  # asyncpg's classes take no parameters at run time

IDENTITY = (
    "identity_id, kind, value, seed_profile_id, profile_id, profile_kind, blocked, first_seen, last_evidence_at, "
    "created_at, assigned_at"
)
_GRAPH = 5_401  # class of the advisory locks on parts of the ledger
# For a few identities planning costs more than running: one plan for all times, by index whatever the tables hold yet.
_BEGIN = """
    SET LOCAL plan_cache_mode = force_generic_plan;
    SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;
    SAVEPOINT unlocked
"""
_PLAN_ANEW = """
    SET LOCAL plan_cache_mode = auto;
    SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on
"""
# In order, so that no two callers wait for each other; a stripe is the last 12 bits of an id.
_LOCK = """
    SELECT stripe, pg_advisory_xact_lock($2, stripe), clock_timestamp() AS now
    FROM (
        SELECT DISTINCT ('x' || right(id::text, 3))::bit(12)::int AS stripe
        FROM (
            SELECT unnest($1::uuid[]) AS id
            UNION ALL
            SELECT profile_id FROM identity WHERE identity_id = ANY($1::uuid[])
        ) AS involved
        ORDER BY stripe
    ) AS stripes
"""
_ALIASES_TO = """
    SELECT a, b, evidence_at, event_id, source, confidence
    FROM link JOIN identity ON identity_id = CASE WHEN a = ANY($1::uuid[]) THEN b ELSE a END
    WHERE link.kind = 'alias' AND identity.kind = 'user_id' AND retracted_at IS NULL
      AND (a = ANY($1::uuid[]) OR b = ANY($1::uuid[]))
"""
_MEMBERS = f"""
    SELECT asked.seed_profile_id AS asked, {", ".join("member." + column for column in IDENTITY.split(", "))}
    FROM identity AS asked JOIN identity AS member ON member.profile_id = asked.profile_id
    WHERE asked.seed_profile_id = ANY($1::uuid[])
"""


def stripe_of(some_id: UUID) -> int:
    """The lock that covers an identity or a profile; few enough that a large batch can hold all."""
    return some_id.int & 0xFFF


async def begin(connection: Connection) -> None:
    """Prepare for work on the ledger, before it is locked."""
    await connection.execute(_BEGIN)


async def plan_anew(connection: Connection) -> None:
    """Go back to plans made for what is asked, for more than a few identities."""
    await connection.execute(_PLAN_ANEW)


async def let_go(connection: Connection) -> None:
    """Give back all locks taken since `begin`."""
    await connection.execute("ROLLBACK TO SAVEPOINT unlocked")


async def lock(connection: Connection, ids: Collection[UUID]) -> tuple[set[int], datetime]:
    """Wait for the locks of identities and of their profiles, held until the transaction ends; which, and the time."""
    rows = await connection.fetch(_LOCK, list(ids), _GRAPH)
    return {row["stripe"] for row in rows}, rows[-1]["now"]


async def members_of(connection: Reader, profile_ids: Collection[UUID]) -> dict[UUID, list[IdentityRow]]:
    """Identities of profiles by the id asked for, present or past; ids that were never given are left out."""
    found: dict[UUID, list[IdentityRow]] = {}
    for record in await connection.fetch(_MEMBERS, list(profile_ids)):
        asked, *columns = record
        found.setdefault(asked, []).append(IdentityRow(*columns))
    return found


async def profiles_of(connection: Connection, identities: Collection[UUID]) -> dict[UUID, UUID]:
    """Profile of each of these identities that exists."""
    rows = await connection.fetch(
        "SELECT identity_id, profile_id FROM identity WHERE identity_id = ANY($1::uuid[])", list(identities)
    )
    return {row["identity_id"]: row["profile_id"] for row in rows}


async def first_seen_of(connection: Connection, identities: Collection[UUID]) -> dict[UUID, datetime]:
    """Time of the earliest evidence of each of these identities that exists."""
    rows = await connection.fetch(
        "SELECT identity_id, first_seen FROM identity WHERE identity_id = ANY($1::uuid[])", list(identities)
    )
    return {row["identity_id"]: row["first_seen"] for row in rows}


async def seed_identity(connection: Connection, profile_id: UUID) -> UUID:
    """The identity that brought this profile id, which must exist."""
    identity: UUID = await connection.fetchval(
        "SELECT identity_id FROM identity WHERE seed_profile_id = $1", profile_id
    )
    return identity


async def aliases_to(connection: Connection, identities: Collection[UUID]) -> list[Evidence]:
    """What was said by alias about `identities`."""
    records = await connection.fetch(_ALIASES_TO, list(identities))
    return [
        Evidence(
            each["a"],
            each["b"],
            "alias",
            each["source"],
            each["evidence_at"],
            each["event_id"],
            None,
            each["confidence"],
        )
        for each in records
    ]


async def new_profile_ids(connection: Connection, count: int) -> list[UUID]:
    """Time-ordered ids."""
    return [
        record["id"] for record in await connection.fetch("SELECT uuidv7() AS id FROM generate_series(1, $1)", count)
    ]
