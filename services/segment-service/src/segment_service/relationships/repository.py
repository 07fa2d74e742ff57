"""Every statement on relationships."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from uuid import UUID

from rapport.database import Connection

from segment_service.consumers.events import Related

_KEEP: Final = """
    INSERT INTO relationship (relationship_id, kind, identity_id, other_identity_id, since, until)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::date[], $6::date[])
    ON CONFLICT (relationship_id) DO UPDATE SET
        kind = EXCLUDED.kind, identity_id = EXCLUDED.identity_id, other_identity_id = EXCLUDED.other_identity_id,
        since = EXCLUDED.since, until = EXCLUDED.until
"""
_DROP: Final = "DELETE FROM relationship WHERE relationship_id = ANY($1::uuid[])"


async def keep(connection: Connection, some: Collection[Related]) -> None:
    """Keep relationships as they were announced last, one row each."""
    await connection.execute(
        _KEEP,
        [each.relationship_id for each in some],
        [each.kind for each in some],
        [each.identity_id for each in some],
        [each.other_identity_id for each in some],
        [each.since for each in some],
        [each.until for each in some],
    )


async def drop(connection: Connection, ids: Collection[UUID]) -> None:
    """Forget relationships that were removed."""
    await connection.execute(_DROP, list(ids))
