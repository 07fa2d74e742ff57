"""SQL of the identity map."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from rapport.database import Connection

_OF_PROFILE = """
    SELECT identity_id, profile_id, seed_profile_id, kind FROM identity_map
    WHERE profile_id = coalesce((SELECT profile_id FROM identity_map WHERE seed_profile_id = $1 LIMIT 1), $1)
"""
_OF_IDENTITY = """
    SELECT identity_id, profile_id, seed_profile_id, kind FROM identity_map
    WHERE profile_id = (SELECT profile_id FROM identity_map WHERE identity_id = $1)
"""
_APPLY = """
    INSERT INTO identity_map (identity_id, kind, profile_id, seed_profile_id, version)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::bigint[])
    ON CONFLICT (identity_id) DO UPDATE
    SET kind = excluded.kind, profile_id = excluded.profile_id,
        seed_profile_id = excluded.seed_profile_id, version = excluded.version
    WHERE identity_map.version < excluded.version
"""


class Assignment(NamedTuple):
    """One identity's profile as of a version of the map."""

    identity_id: UUID
    kind: str
    profile_id: UUID
    seed_profile_id: UUID
    version: int


class Mapped(NamedTuple):
    """One identity of a profile as this service knows it."""

    identity_id: UUID
    profile_id: UUID
    seed_profile_id: UUID
    kind: str


async def of_profile(connection: Connection, profile_id: UUID) -> list[Mapped]:
    """The identities of the profile that `profile_id`, current or absorbed, answers for."""
    return [Mapped(*row) for row in await connection.fetch(_OF_PROFILE, profile_id)]


async def of_identity(connection: Connection, identity_id: UUID) -> list[Mapped]:
    """The identities of the profile that an identity belongs to."""
    return [Mapped(*row) for row in await connection.fetch(_OF_IDENTITY, identity_id)]


async def apply(connection: Connection, assignments: Sequence[Assignment]) -> None:
    """Take over assignments that are newer than what is known; one for each identity."""
    if assignments:
        columns = zip(*assignments, strict=True)
        await connection.execute(_APPLY, *(list(column) for column in columns))
