"""The SQL of profiles."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from rapport.database import Connection

from profile_service.ledger.repository import Reader

PROFILE_OF: Final = "SELECT identity_id, profile_id FROM identity WHERE identity_id = $1"
PROFILES_OF: Final = "SELECT identity_id, profile_id FROM identity WHERE identity_id = ANY($1::uuid[])"

_LOCK_DOCUMENT = "SELECT pg_advisory_xact_lock(5402, hashtext($1))"
_ALL = """
    SELECT profile_id FROM identity
    WHERE profile_id = seed_profile_id AND ($1::uuid IS NULL OR seed_profile_id > $1)
    ORDER BY seed_profile_id LIMIT $2
"""

_RESTRICTED = "SELECT identity_id FROM restriction WHERE identity_id = ANY($1::uuid[]) AND lifted_at IS NULL"


async def known(reader: Reader, ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Profiles of identities; one statement, prepared on the connection, without the ORM: resolving is the hot path."""
    if len(ids) == 1:
        row = await reader.fetchrow(PROFILE_OF, ids[0])
        return {} if row is None else {row[0]: row[1]}
    return {row[0]: row[1] for row in await reader.fetch(PROFILES_OF, ids)}


async def lock_document(connection: Connection, profile_id: UUID) -> None:
    """Make editors of one profile take turns until the transaction ends."""
    await connection.execute(_LOCK_DOCUMENT, str(profile_id))


async def page(connection: Connection, after: UUID | None, limit: int) -> list[UUID]:
    """All profiles in the order of their ids."""
    return [row[0] for row in await connection.fetch(_ALL, after, limit)]


async def restricted(connection: Connection, identities: Sequence[UUID]) -> set[UUID]:
    """Those of these identities whose data must not be used."""
    return {row[0] for row in await connection.fetch(_RESTRICTED, identities)}
