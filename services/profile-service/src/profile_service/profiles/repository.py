"""The SQL of profiles."""

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from rapport.database import Connection

from profile_service.ledger.repository import Reader

PROFILE_OF: Final = "SELECT identity_id, profile_id FROM identity WHERE identity_id = $1"
PROFILES_OF: Final = "SELECT identity_id, profile_id FROM identity WHERE identity_id = ANY($1::uuid[])"

_LOCK_DOCUMENT = "SELECT pg_advisory_xact_lock(5402, hashtext($1))"
_BY_IDENTITY = """
    SELECT DISTINCT profile_id FROM identity
    WHERE identity_id = ANY($1::uuid[]) AND ($2::uuid IS NULL OR profile_id > $2)
    ORDER BY profile_id LIMIT $3
"""
_BY_NAME = """
    SELECT profile_id FROM fact JOIN identity USING (identity_id) JOIN unnest($1::text[]) AS word ON name LIKE word
    WHERE name LIKE ANY($1::text[]) AND ($2::uuid IS NULL OR profile_id > $2)
    GROUP BY profile_id HAVING count(DISTINCT word) = cardinality($1::text[])
    ORDER BY profile_id LIMIT $3
"""
_ALL = """
    SELECT profile_id FROM identity
    WHERE profile_id = seed_profile_id AND ($1::uuid IS NULL OR seed_profile_id > $1)
    ORDER BY seed_profile_id LIMIT $2
"""


async def known(reader: Reader, ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Profiles of identities; one statement, prepared on the connection, without the ORM: resolving is the hot path."""
    if len(ids) == 1:
        row = await reader.fetchrow(PROFILE_OF, ids[0])
        return {} if row is None else {row[0]: row[1]}
    return {row[0]: row[1] for row in await reader.fetch(PROFILES_OF, ids)}


async def lock_document(connection: Connection, profile_id: UUID) -> None:
    """Make editors of one profile take turns until the transaction ends."""
    await connection.execute(_LOCK_DOCUMENT, str(profile_id))


async def by_identities(connection: Connection, ids: Collection[UUID], after: UUID | None, limit: int) -> list[UUID]:
    """Profiles that have any of these identities, in the order of their ids."""
    return [row[0] for row in await connection.fetch(_BY_IDENTITY, list(ids), after, limit)]


async def by_name(connection: Connection, words: Collection[str], after: UUID | None, limit: int) -> list[UUID]:
    """Profiles that have all `words` (lower case, distinct) in their names, past names included."""
    patterns = [f"%{_escaped(word)}%" for word in words]
    return [row[0] for row in await connection.fetch(_BY_NAME, patterns, after, limit)]


async def page(connection: Connection, after: UUID | None, limit: int) -> list[UUID]:
    """All profiles in the order of their ids."""
    return [row[0] for row in await connection.fetch(_ALL, after, limit)]


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
