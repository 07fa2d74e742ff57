"""The SQL of consents and suppressions."""

from collections.abc import Collection, Iterable
from uuid import UUID

import asyncpg
from rapport.database import Connection
from rapport.identity import Identifier, identity_id

from profile_service.consents.rules import Entry

_ENTRY = "identity_id, channel, purpose, status, lawful_basis, source, proof, at, confirmed_at"
_HISTORY = f"SELECT {_ENTRY} FROM consent WHERE identity_id = ANY($1::uuid[]) ORDER BY confirmed_at DESC, at DESC"
_CURRENT = f"""
    SELECT DISTINCT ON (identity_id, channel, purpose) {_ENTRY} FROM consent
    WHERE identity_id = ANY($1::uuid[])
    ORDER BY identity_id, channel, purpose, confirmed_at DESC, (status = 'granted'), at DESC
"""
_INSERT = f"""
    INSERT INTO consent ({_ENTRY})
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                         $8::timestamptz[], $9::timestamptz[])
"""
_CONFIRM = """
    UPDATE consent SET confirmed_at = new.confirmed_at
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[])
         AS new(identity_id, channel, purpose, status, at, confirmed_at)
    WHERE consent.identity_id = new.identity_id AND consent.channel = new.channel AND consent.purpose = new.purpose
      AND consent.status = new.status AND consent.at = new.at AND consent.confirmed_at < new.confirmed_at
"""
_STANDING = """
    SELECT asked.seed_profile_id AS asked,
           array_agg(DISTINCT said.status) FILTER (WHERE said.status IS NOT NULL) AS statuses,
           bool_or(EXISTS (SELECT FROM suppression WHERE suppression.identity_id = member.identity_id
                           AND (suppression.channel IS NULL OR suppression.channel = $2))) AS suppressed
    FROM identity AS asked
    JOIN identity AS member ON member.profile_id = asked.profile_id
    LEFT JOIN LATERAL (
        SELECT status FROM consent
        WHERE consent.identity_id = member.identity_id AND channel = $2 AND purpose = $3
        ORDER BY confirmed_at DESC, (status = 'granted'), at DESC LIMIT 1
    ) AS said ON true
    WHERE asked.seed_profile_id = ANY($1::uuid[])
    GROUP BY asked.seed_profile_id
"""
_SUPPRESS = """
    INSERT INTO suppression (identity_id, kind, value, channel, reason, source) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (identity_id, channel) DO UPDATE SET
        reason = coalesce(excluded.reason, suppression.reason), source = excluded.source
    RETURNING suppression.*, xmax = 0 AS is_new
"""
_SUPPRESSIONS = """
    SELECT * FROM suppression
    WHERE ($1::uuid IS NULL OR identity_id = $1) AND ($2::uuid IS NULL OR suppression_id < $2)
    ORDER BY suppression_id DESC LIMIT $3
"""


async def history_of(connection: Connection, identities: Collection[UUID]) -> list[Entry]:
    """All that was said by these identities, newest first."""
    return [Entry(*row) for row in await connection.fetch(_HISTORY, list(identities))]


async def current_of(connection: Connection, identities: Collection[UUID]) -> list[Entry]:
    """The present word of each of these identities on each channel and purpose."""
    return [Entry(*row) for row in await connection.fetch(_CURRENT, list(identities))]


async def add(connection: Connection, entries: Collection[Entry]) -> None:
    """Append to the history."""
    if entries:
        rows = [
            (e.identity_id, e.channel, e.purpose, e.status, e.lawful_basis, e.source, e.proof, e.at, e.confirmed_at)
            for e in entries
        ]
        await connection.execute(_INSERT, *(list(column) for column in zip(*rows, strict=True)))


async def confirm(connection: Connection, entries: Iterable[Entry]) -> None:
    """Note that entries, known by their first time, were said again at `confirmed_at`."""
    rows = [(e.identity_id, e.channel, e.purpose, e.status, e.at, e.confirmed_at) for e in entries]
    if rows:
        await connection.execute(_CONFIRM, *(list(column) for column in zip(*rows, strict=True)))


async def standing(
    connection: Connection, profile_ids: Collection[UUID], channel: str, purpose: str
) -> dict[UUID, tuple[list[str], bool]]:
    """By profile id, present or past: the present words of all identities, and whether any of them is suppressed."""
    rows = await connection.fetch(_STANDING, list(profile_ids), channel, purpose)
    return {row["asked"]: (row["statuses"] or [], row["suppressed"]) for row in rows}


async def suppress(
    connection: Connection, identifier: Identifier, channel: str | None, reason: str | None, source: str
) -> asyncpg.Record:
    """The do-not-contact entry for an identifier and channel, made or renewed."""
    identity = identity_id(identifier.kind, identifier.value)
    row = await connection.fetchrow(_SUPPRESS, identity, identifier.kind, identifier.value, channel, reason, source)
    assert row is not None  # noqa: S101  the statement always returns its row
    return row


async def suppressions(
    connection: Connection, identity: UUID | None, before: UUID | None, limit: int
) -> list[asyncpg.Record]:
    """Do-not-contact entries, newest first; of one identity if given."""
    return await connection.fetch(_SUPPRESSIONS, identity, before, limit)


async def lift(connection: Connection, suppression_id: UUID) -> asyncpg.Record | None:
    """Remove an entry; what it was."""
    return await connection.fetchrow("DELETE FROM suppression WHERE suppression_id = $1 RETURNING *", suppression_id)
