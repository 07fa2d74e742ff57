"""The SQL that gives the records to be compared, copied to files without passing through Python."""

from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg
from rapport.database import Connection

from profile_service.ledger.repository import Reader

# Traits by the name of the column that they fill.
_TRAITS: Final = {
    "given_name": "given_name",
    "family_name": "family_name",
    "display_name": "display_name",
    "birth_date": "birth_date",
    "street": "address.street",
    "city": "address.city",
    "region": "address.region",
    "postcode": "address.postcode",
    "email": "email",
    "phone": "phone",
}
_PAGE: Final = 50_000
_COPY_SECONDS: Final = 600
_PAGE_END = """
    SELECT seed_profile_id FROM identity
    WHERE profile_id = seed_profile_id AND seed_profile_id > $1
    ORDER BY seed_profile_id OFFSET $2 LIMIT 1
"""
_KEYS = ", ".join(f"'{key}'" for key in _TRAITS.values())
# Contact points count as identifiers too, whether or not somebody stated them as traits.
_CONTACT = ", ".join(f"min(value) FILTER (WHERE kind = '{kind}') AS own_{kind}" for kind in ("email", "phone"))
_WIDE = ", ".join(f"max(value) FILTER (WHERE key = '{key}') AS {name}" for name, key in _TRAITS.items())
_SHOWN = ", ".join(
    f"coalesce({name}, own_{name}) AS {name}" if name in {"email", "phone"} else name for name in _TRAITS
)
_RECORDS = f"""
    WITH member AS (
        SELECT identity_id, kind, value, profile_id, seed_profile_id, profile_kind, assigned_at FROM identity
        WHERE profile_id > $1 AND ($2::uuid IS NULL OR profile_id <= $2)
    ), profile AS (
        SELECT profile_id, min(identity_id::text) FILTER (WHERE seed_profile_id = profile_id) AS id,
               max(assigned_at) AS assigned_at, {_CONTACT}
        FROM member GROUP BY profile_id
        HAVING NOT coalesce(bool_or(profile_kind = 'organisation'), false)
    ), told AS (
        SELECT profile_id, key, fact.value #>> '{{}}' AS value, greatest(recorded_at, withdrawn_at) AS told_at,
               row_number() OVER (
                   PARTITION BY profile_id, key
                   ORDER BY withdrawn_at IS NOT NULL OR expires_at <= now(),
                            array_position(ARRAY['stated', 'observed', 'inferred'], origin), observed_at DESC, fact_id
               ) AS place,
               withdrawn_at IS NULL AND (expires_at IS NULL OR expires_at > now()) AS counts
        FROM member JOIN fact USING (identity_id) WHERE key IN ({_KEYS})
    ), trait AS (
        SELECT profile_id, max(told_at) AS told_at, {_WIDE}
        FROM (SELECT profile_id, key, told_at, CASE WHEN place = 1 AND counts THEN value END AS value FROM told) AS best
        GROUP BY profile_id
    )
    SELECT id, coalesce(greatest(assigned_at, told_at) >= $3, true) AS changed, {_SHOWN}
    FROM profile JOIN trait USING (profile_id)
    WHERE id IS NOT NULL AND coalesce(given_name, family_name, display_name) IS NOT NULL
"""
# What began before and has not committed yet will be seen by the next run.
_WATERMARK = """
    SELECT least(now(), min(xact_start)) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend'
"""


async def watermark(connection: Reader) -> datetime:
    """A time before which nothing is recorded any more."""
    at: datetime = await connection.fetchval(_WATERMARK)
    return at


async def copy_records(pool: "asyncpg.Pool[asyncpg.Record]", folder: Path, since: datetime | None) -> int:
    """Write records of all persons with a name to `records-*.csv`, marked `changed` from `since` on; how many."""
    after, copied = UUID(int=0), 0
    for number in range(1_000_000):
        end: UUID | None = await pool.fetchval(_PAGE_END, after, _PAGE - 1)
        path = folder / f"records-{number:06}.csv"
        async with pool.acquire(timeout=10) as connection:
            copied += await _copy(connection, path, after, end, since)
        if end is None:
            break
        after = end
    return copied


async def _copy(connection: Connection, path: Path, after: UUID, end: UUID | None, since: datetime | None) -> int:
    status = await connection.copy_from_query(
        _RECORDS, after, end, since, output=path, format="csv", header=True, timeout=_COPY_SECONDS
    )
    return int(status.rpartition(" ")[2])
