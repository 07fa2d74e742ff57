"""The SQL of facts."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from rapport.database import Connection

from profile_service.facts.rules import Fact, Origin
from profile_service.ledger.repository import Reader

_COLUMNS = (
    "fact_id, identity_id, key, value, origin, source, confidence, "
    "first_observed_at, observed_at, expires_at, recorded_at"
)
_UPSERT = f"""
    INSERT INTO fact (identity_id, key, value, digest, origin, source, confidence, first_observed_at, observed_at,
                      expires_at)
    SELECT identity_id, key, value::jsonb, digest, origin, source, confidence, observed_at, observed_at, expires_at
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::text[], $6::text[], $7::float8[],
                $8::timestamptz[], $9::timestamptz[])
         AS new(identity_id, key, value, digest, origin, source, confidence, observed_at, expires_at)
    ON CONFLICT (identity_id, key, origin, source, digest) DO UPDATE SET
        (confidence, expires_at) = (
            SELECT confidence, expires_at
            FROM (VALUES (fact.observed_at, 0, fact.confidence, fact.expires_at),
                         (excluded.observed_at, 1, excluded.confidence, excluded.expires_at))
                 AS told(observed_at, turn, confidence, expires_at)
            ORDER BY observed_at DESC, turn DESC LIMIT 1
        ),
        first_observed_at = least(fact.first_observed_at, excluded.first_observed_at),
        observed_at = greatest(fact.observed_at, excluded.observed_at),
        recorded_at = now()
    RETURNING {_COLUMNS}
"""
_OF = f"SELECT {_COLUMNS} FROM fact WHERE identity_id = ANY($1::uuid[])"
_PAGE = f"""
    SELECT {_COLUMNS} FROM fact
    WHERE identity_id = ANY($1::uuid[]) AND ($2::text IS NULL OR key = $2) AND ($3::uuid IS NULL OR fact_id < $3)
    ORDER BY fact_id DESC LIMIT $4
"""


@dataclass(frozen=True, slots=True)
class NewFact:
    """A fact as told; `value` is canonical."""

    identity_id: UUID
    key: str
    value: Any
    origin: Origin
    source: str
    observed_at: datetime
    confidence: float = 1.0
    expires_at: datetime | None = None


async def tell(connection: Connection, facts: Iterable[NewFact]) -> list[Fact]:
    """Store facts; one told before grows newer instead."""
    rows: dict[tuple[Any, ...], NewFact] = {}
    # Sorted, so that two writers of the same facts wait for each other in the same order.
    for fact in sorted(facts, key=lambda each: (each.identity_id, each.key, each.observed_at)):
        digest = hashlib.sha256(msgspec.json.encode(fact.value, order="deterministic")).digest()
        rows[fact.identity_id, fact.key, fact.origin, fact.source, digest] = fact
    if not rows:
        return []
    records = await connection.fetch(
        _UPSERT,
        [fact.identity_id for fact in rows.values()],
        [fact.key for fact in rows.values()],
        [msgspec.json.encode(fact.value).decode() for fact in rows.values()],
        [key[-1] for key in rows],
        [fact.origin for fact in rows.values()],
        [fact.source for fact in rows.values()],
        [fact.confidence for fact in rows.values()],
        [fact.observed_at for fact in rows.values()],
        [fact.expires_at for fact in rows.values()],
    )
    return [_fact(record) for record in records]


async def facts_of(connection: Reader, identities: Collection[UUID]) -> list[Fact]:
    """All facts that came with these identities."""
    return [_fact(record) for record in await connection.fetch(_OF, list(identities))]


async def page_of(
    connection: Connection, identities: Collection[UUID], key: str | None, before: UUID | None, limit: int
) -> list[Fact]:
    """Facts of these identities, newest record first, at most `limit`."""
    return [_fact(record) for record in await connection.fetch(_PAGE, list(identities), key, before, limit)]


def _fact(record: asyncpg.Record) -> Fact:
    fields = dict(record)
    return Fact(**{**fields, "value": msgspec.json.decode(fields["value"])})
