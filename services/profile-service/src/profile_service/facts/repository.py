"""The SQL of facts."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import msgspec
from rapport.database import Connection

from profile_service.facts.rules import DEFAULT, Fact, Origin, Survivorship
from profile_service.ledger.repository import Reader

_STORED = (
    "fact_id, identity_id, key, value, origin, source, confidence, first_observed_at, observed_at, expires_at, "
    "recorded_at, withdrawn_at, withdrawn_by, withdrawal_reason, import_id"
)
# Facts told before an attribute was defined may lie within it, or hold it.
_PERSONAL = """
    EXISTS (SELECT FROM personal_key AS own WHERE own.key = fact.key)
    OR (strpos(fact.key, '.') > 0 AND EXISTS (
        SELECT FROM personal_key AS around WHERE starts_with(fact.key, around.key || '.')))
    OR (jsonb_typeof(fact.value) = 'object' AND EXISTS (
        SELECT FROM personal_key AS within WHERE starts_with(within.key, fact.key || '.')))
"""
_COLUMNS = f"{', '.join('fact.' + name for name in _STORED.split(', '))}, {_PERSONAL} AS personal, survivorship"
_FACTS = f"SELECT {_COLUMNS} FROM fact LEFT JOIN attribute ON attribute.key = fact.key"
# The definitions are held until the facts are in: what becomes searchable meanwhile misses none.
_UPSERT = f"""
    WITH attribute AS MATERIALIZED (
        SELECT key, searchable, survivorship FROM attribute WHERE key = ANY($2::text[])
        ORDER BY key FOR SHARE
    ), fact AS (
        INSERT INTO fact (identity_id, key, value, digest, origin, source, confidence, first_observed_at, observed_at,
                          expires_at, search, import_id)
        SELECT identity_id, new.key, value::jsonb, digest, origin, source, confidence, observed_at, observed_at,
               expires_at, CASE WHEN searchable THEN search_tokens(new.key, value::jsonb) END,
               import_id
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::text[], $6::text[], $7::float8[],
                    $8::timestamptz[], $9::timestamptz[], $10::uuid[])
             AS new(identity_id, key, value, digest, origin, source, confidence, observed_at, expires_at, import_id)
        LEFT JOIN attribute ON attribute.key = new.key
        ON CONFLICT (identity_id, key, origin, source, digest) DO UPDATE SET
            (confidence, expires_at, import_id) = (
                SELECT confidence, expires_at, import_id
                FROM (VALUES (fact.observed_at, 0, fact.confidence, fact.expires_at, fact.import_id),
                             (excluded.observed_at, 1, excluded.confidence, excluded.expires_at, excluded.import_id))
                     AS told(observed_at, turn, confidence, expires_at, import_id)
                ORDER BY observed_at DESC, turn DESC LIMIT 1
            ),
            first_observed_at = least(fact.first_observed_at, excluded.first_observed_at),
            observed_at = greatest(fact.observed_at, excluded.observed_at),
            -- Only what is said after a withdrawal takes it back, not an old message that comes again.
            withdrawn_at = CASE WHEN excluded.observed_at <= fact.withdrawn_at THEN fact.withdrawn_at END,
            search = excluded.search,
            recorded_at = now()
        RETURNING {_STORED}
    )
    {_FACTS}
"""
_OF = f"{_FACTS} WHERE identity_id = ANY($1::uuid[]) AND ($2::text[] IS NULL OR fact.key = ANY($2))"
_PAGE = f"""
    {_FACTS}
    WHERE identity_id = ANY($1::uuid[]) AND ($2::text IS NULL OR fact.key = $2) AND ($3::uuid IS NULL OR fact_id < $3)
    ORDER BY fact_id DESC LIMIT $4
"""
_ONE = f"{_FACTS} WHERE identity_id = ANY($1::uuid[]) AND fact_id = $2"
_WITHDRAW = """
    UPDATE fact SET withdrawn_at = now(), withdrawn_by = $2, withdrawal_reason = $3, recorded_at = now()
    WHERE fact_id = $1 AND withdrawn_at IS NULL
"""
_EXPIRED_UNTIL = "SELECT expires_at, fact_id FROM fact_expiry FOR UPDATE SKIP LOCKED"
_SET_EXPIRED_UNTIL = "UPDATE fact_expiry SET expires_at = $1, fact_id = $2"
# Late enough for every process's clock to have passed it: whoever is told and looks must see it expired.
_EXPIRED = """
    SELECT fact_id, identity_id, key, expires_at FROM fact
    WHERE (expires_at, fact_id) > ($1, $2) AND expires_at <= now() - interval '2 seconds'
    ORDER BY expires_at, fact_id LIMIT $3
"""

Mark = tuple[datetime, UUID]
"""A place in the order in which facts expire."""


class Expired(NamedTuple):
    """A fact whose time has passed."""

    fact_id: UUID
    identity_id: UUID
    key: str
    expires_at: datetime

    @property
    def mark(self) -> Mark:
        """Its place in the order."""
        return self.expires_at, self.fact_id


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
    import_id: UUID | None = None


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
        [fact.import_id for fact in rows.values()],
    )
    return [_fact(record) for record in records]


async def facts_of(connection: Reader, identities: Collection[UUID], keys: Collection[str] | None = None) -> list[Fact]:
    """All facts that came with these identities, or those under `keys`."""
    records = await connection.fetch(_OF, list(identities), None if keys is None else list(keys))
    return [_fact(record) for record in records]


async def page_of(
    connection: Connection, identities: Collection[UUID], key: str | None, before: UUID | None, limit: int
) -> list[Fact]:
    """Facts of these identities, newest record first, at most `limit`."""
    return [_fact(record) for record in await connection.fetch(_PAGE, list(identities), key, before, limit)]


async def one_of(connection: Connection, identities: Collection[UUID], fact_id: UUID) -> Fact | None:
    """This fact, if it is about one of these identities."""
    record = await connection.fetchrow(_ONE, list(identities), fact_id)
    return None if record is None else _fact(record)


async def withdraw(connection: Connection, fact_id: UUID, by: str, reason: str | None) -> None:
    """Mark a fact as taken back; one that is already stays as it is."""
    await connection.execute(_WITHDRAW, fact_id, by, reason)


async def expired_until(connection: Connection) -> Mark | None:
    """Up to where expiry has been announced, held until the transaction ends; None while another holds it."""
    row = await connection.fetchrow(_EXPIRED_UNTIL)
    return None if row is None else (row["expires_at"], row["fact_id"])


async def set_expired_until(connection: Connection, mark: Mark) -> None:
    """Note up to where expiry has been announced."""
    await connection.execute(_SET_EXPIRED_UNTIL, *mark)


async def expired_after(connection: Connection, mark: Mark, most: int) -> list[Expired]:
    """The next facts to have expired, in order."""
    return [Expired(*row) for row in await connection.fetch(_EXPIRED, *mark, most)]


def _fact(record: asyncpg.Record) -> Fact:
    fields = dict(record)
    ranking = fields["survivorship"]
    fields["value"] = msgspec.json.decode(fields["value"])
    fields["survivorship"] = DEFAULT if ranking is None else _survivorship(ranking)
    return Fact(**fields)


@lru_cache(maxsize=1_024)
def _survivorship(text: str) -> Survivorship:
    return msgspec.json.decode(text, type=Survivorship)
