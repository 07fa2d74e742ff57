"""The SQL of what customers did last."""

from collections.abc import Collection, Mapping
from uuid import UUID

from rapport.database import Connection

from profile_service.activity.rules import Kind, Span
from profile_service.ledger.repository import Reader

_NOTE = """
    INSERT INTO activity (identity_id, kind, first_at, last_at)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[])
    ON CONFLICT (identity_id, kind) DO UPDATE SET
        first_at = least(activity.first_at, excluded.first_at), last_at = greatest(activity.last_at, excluded.last_at)
    WHERE excluded.first_at < activity.first_at OR excluded.last_at > activity.last_at
"""
_OF = """
    SELECT kind, min(first_at) AS first_at, max(last_at) AS last_at FROM activity
    WHERE identity_id = ANY($1::uuid[]) GROUP BY kind ORDER BY kind
"""


async def note(connection: Connection, spans: Mapping[tuple[UUID, Kind], Span]) -> None:
    """Widen what is known; the same again changes nothing."""
    if spans:
        # Sorted, so that two writers about the same people wait for each other in the same order.
        rows = [(*key, *spans[key]) for key in sorted(spans)]
        await connection.execute(_NOTE, *(list(column) for column in zip(*rows, strict=True)))


async def of(reader: Reader, identities: Collection[UUID]) -> dict[Kind, Span]:
    """What these identities did, first and last, all together."""
    rows = await reader.fetch(_OF, list(identities))
    return {row["kind"]: Span(row["first_at"], row["last_at"]) for row in rows}
