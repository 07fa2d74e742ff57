"""The SQL of grants."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import asyncpg
from rapport.database import Connection

_COLUMNS = """
    record_grant.*, one.profile_id AS profile_id, other.profile_id AS granted_to,
    revoked_at IS NULL AND until > now() AS live,
    (SELECT count(*) FROM record_use WHERE record_use.grant_id = record_grant.grant_id) AS uses,
    (SELECT used_at FROM record_use WHERE record_use.grant_id = record_grant.grant_id ORDER BY use_id DESC LIMIT 1)
        AS last_used_at
"""
_JOINED = """
    JOIN identity AS one ON one.identity_id = record_grant.owner
    JOIN identity AS other ON other.identity_id = record_grant.grantee
"""
_ADD = """
    INSERT INTO record_grant (owner, grantee, key, until, note, created_by) VALUES ($1, $2, $3, $4, $5, $6)
    RETURNING grant_id
"""
_ONE = f"SELECT {_COLUMNS} FROM record_grant {_JOINED} WHERE grant_id = $1"


def _page(side: str) -> str:
    return f"""
        SELECT {_COLUMNS} FROM record_grant {_JOINED}
        WHERE {side} = ANY($1::uuid[]) AND ($2::uuid IS NULL OR grant_id < $2) ORDER BY grant_id DESC LIMIT $3
    """


_GIVEN, _RECEIVED = _page("owner"), _page("grantee")
_REVOKE = """
    UPDATE record_grant SET revoked_at = now(), revoked_by = $3
    WHERE grant_id = $1 AND owner = ANY($2::uuid[]) AND revoked_at IS NULL
    RETURNING grant_id
"""
# Held until the use is noted: a grant that is revoked meanwhile is revoked after it.
_LIVE = """
    SELECT grant_id FROM record_grant
    WHERE owner = ANY($1::uuid[]) AND grantee = ANY($2::uuid[]) AND key = $3 AND revoked_at IS NULL AND until > now()
    ORDER BY until DESC, grant_id LIMIT 1 FOR SHARE
"""
_USES = """
    SELECT use_id, used_at, used_by FROM record_use
    WHERE grant_id = $1 AND ($2::uuid IS NULL OR use_id < $2) ORDER BY use_id DESC LIMIT $3
"""


async def add(
    connection: Connection, owner: UUID, grantee: UUID, key: str, until: datetime, note: str | None, by: str
) -> asyncpg.Record:
    """Keep a grant between two identities."""
    grant_id = await connection.fetchval(_ADD, owner, grantee, key, until, note, by)
    row = await one(connection, grant_id)
    assert row is not None  # noqa: S101  it was added just now
    return row


async def one(connection: Connection, grant_id: UUID) -> asyncpg.Record | None:
    """A grant with its profiles and uses."""
    return await connection.fetchrow(_ONE, grant_id)


async def page(
    connection: Connection, identities: Collection[UUID], before: UUID | None, limit: int, *, received: bool
) -> list[asyncpg.Record]:
    """Grants that these identities have given, or received, newest first."""
    return await connection.fetch(_RECEIVED if received else _GIVEN, list(identities), before, limit)


async def revoke(connection: Connection, grant_id: UUID, owners: Collection[UUID], by: str) -> bool:
    """End a grant of these owners; False when there is none that stands."""
    return await connection.fetchval(_REVOKE, grant_id, list(owners), by) is not None


async def live(connection: Connection, owners: Collection[UUID], grantees: Collection[UUID], key: str) -> UUID | None:
    """The grant by which `grantees` may use the records of `key` of `owners` now."""
    found: UUID | None = await connection.fetchval(_LIVE, list(owners), list(grantees), key)
    return found


async def use(connection: Connection, grant_id: UUID, by: str) -> None:
    """Note that a grant was used."""
    await connection.execute("INSERT INTO record_use (grant_id, used_by) VALUES ($1, $2)", grant_id, by)


async def uses(connection: Connection, grant_id: UUID, before: UUID | None, limit: int) -> list[asyncpg.Record]:
    """Uses of a grant, newest first."""
    return await connection.fetch(_USES, grant_id, before, limit)
