"""The SQL of consents."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg
from rapport.database import Connection

from profile_service.consents.rules import PENDING, Entry, Standing
from profile_service.pseudonyms import DIGEST_SQL, Pseudonyms

_DIGEST: Final = DIGEST_SQL.format(outer="$4::bytea", inner="$5::bytea", identity="member.identity_id")

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
_USE = """
    CASE WHEN coalesce(list.lawful_basis, '') = '' THEN 'list_without_lawful_basis'
         WHEN NOT $3 = ANY(list.permitted_uses) THEN 'list_use_not_permitted'
         WHEN list.expires_at <= now() THEN 'list_expired'
         ELSE 'permitted' END
"""
# One statement for a thousand customers: everything that decides is found by the identities of their profiles.
_STANDING = f"""
    SELECT asked.seed_profile_id AS asked,
           array_agg(DISTINCT said.status) FILTER (WHERE said.status IS NOT NULL) AS statuses,
           bool_or(EXISTS (SELECT FROM suppression WHERE suppression.identity_id = member.identity_id
                           AND (suppression.channel IS NULL OR suppression.channel = $2)
                           AND (suppression.expires_at IS NULL OR suppression.expires_at > now()))
                   OR CASE WHEN (SELECT EXISTS (SELECT FROM hashed_suppression)) THEN EXISTS (
                           SELECT FROM hashed_suppression AS hashed WHERE hashed.digest = {_DIGEST}
                           AND (hashed.channel IS NULL OR hashed.channel = $2)
                           AND (hashed.expires_at IS NULL OR hashed.expires_at > now())) ELSE false END) AS suppressed,
           bool_or(EXISTS (SELECT FROM restriction WHERE restriction.identity_id = member.identity_id
                           AND lifted_at IS NULL)) AS restricted,
           array_agg(DISTINCT listed.use) FILTER (WHERE listed.use IS NOT NULL) AS lists
    FROM identity AS asked
    JOIN identity AS member ON member.profile_id = asked.profile_id
    LEFT JOIN LATERAL (
        SELECT status FROM consent
        WHERE consent.identity_id = member.identity_id AND channel = $2 AND purpose = $3
        ORDER BY confirmed_at DESC, (status = 'granted'), at DESC LIMIT 1
    ) AS said ON true
    LEFT JOIN LATERAL (
        SELECT {_USE} AS use FROM list_membership JOIN list_import AS list USING (import_id)
        WHERE list_membership.identity_id = member.identity_id
    ) AS listed ON true
    WHERE asked.seed_profile_id = ANY($1::uuid[])
    GROUP BY asked.seed_profile_id
"""
_SOURCES = f"""
    WITH member AS MATERIALIZED (
        SELECT asked.seed_profile_id AS asked, member.identity_id
        FROM identity AS asked JOIN identity AS member ON member.profile_id = asked.profile_id
        WHERE asked.seed_profile_id = ANY($1::uuid[])
    )
    SELECT asked, 'consent' AS kind, said.status, said.source, said.lawful_basis, NULL AS registry,
           NULL AS jurisdiction, said.at, NULL::timestamptz AS expires_at
    FROM member CROSS JOIN LATERAL (
        SELECT status, source, lawful_basis, at FROM consent
        WHERE consent.identity_id = member.identity_id AND channel = $2 AND purpose = $3
        ORDER BY confirmed_at DESC, (status = 'granted'), at DESC LIMIT 1
    ) AS said
    UNION ALL
    SELECT asked, 'opt_in', 'pending', source, lawful_basis, NULL, NULL, at, expires_at
    FROM member JOIN opt_in USING (identity_id)
    WHERE channel = $2 AND purpose = $3 AND confirmed_at IS NULL AND expires_at > now()
    UNION ALL
    SELECT asked, 'suppression', 'suppressed', source, NULL, NULL, jurisdiction, created_at, expires_at
    FROM member JOIN suppression USING (identity_id)
    WHERE (channel IS NULL OR channel = $2) AND (expires_at IS NULL OR expires_at > now())
    UNION ALL
    SELECT asked, 'suppression', 'suppressed', source, NULL, registry, jurisdiction, created_at, expires_at
    FROM member JOIN hashed_suppression AS hashed ON hashed.digest = {_DIGEST}
    WHERE (channel IS NULL OR channel = $2) AND (expires_at IS NULL OR expires_at > now())
    UNION ALL
    SELECT asked, 'restriction', 'restricted', 'privacy request ' || request_id, NULL, NULL, NULL, since, NULL
    FROM member JOIN restriction USING (identity_id) WHERE lifted_at IS NULL
    UNION ALL
    SELECT asked, 'list', {_USE}, list.source, lawful_basis, NULL, country, created_at, expires_at
    FROM member JOIN list_membership USING (identity_id) JOIN list_import AS list USING (import_id)
    ORDER BY at DESC
"""
_OPT_IN = "opt_in_id, identity_id, channel, purpose, lawful_basis, source, proof, at, expires_at, confirmed_at"
_ASK = f"""
    INSERT INTO opt_in (identity_id, channel, purpose, lawful_basis, source, proof, at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING {_OPT_IN}
"""
_ASKED = f"SELECT {_OPT_IN} FROM opt_in WHERE opt_in_id = $1"
_WAITING = f"""
    SELECT {_OPT_IN} FROM opt_in
    WHERE identity_id = ANY($1::uuid[]) AND confirmed_at IS NULL AND expires_at > now() ORDER BY at DESC
"""
_CONFIRMED = "UPDATE opt_in SET confirmed_at = $2 WHERE opt_in_id = $1 AND confirmed_at IS NULL RETURNING true"


class OptIn(NamedTuple):
    """A grant that counts when it is confirmed."""

    opt_in_id: UUID
    identity_id: UUID
    channel: str
    purpose: str
    lawful_basis: str | None
    source: str
    proof: str | None
    at: datetime
    expires_at: datetime
    confirmed_at: datetime | None

    @property
    def entry(self) -> Entry:
        """As it is shown while it waits."""
        return Entry(
            self.identity_id,
            self.channel,
            self.purpose,
            PENDING,
            self.lawful_basis,
            self.source,
            self.proof,
            self.at,
            self.at,
        )


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
    connection: Connection, pseudonyms: Pseudonyms, profile_ids: Collection[UUID], channel: str, purpose: str
) -> dict[UUID, Standing]:
    """By profile id, present or past, what decides about contact on a channel for a purpose."""
    rows = await connection.fetch(_STANDING, list(profile_ids), channel, purpose, pseudonyms.outer, pseudonyms.inner)
    return {
        row["asked"]: Standing(
            frozenset(row["statuses"] or ()), frozenset(row["lists"] or ()), row["suppressed"], row["restricted"]
        )
        for row in rows
    }


async def sources(
    connection: Connection, pseudonyms: Pseudonyms, profile_ids: Collection[UUID], channel: str, purpose: str
) -> dict[UUID, list[asyncpg.Record]]:
    """By profile id what speaks for or against contact, newest first."""
    found: dict[UUID, list[asyncpg.Record]] = {}
    for row in await connection.fetch(
        _SOURCES, list(profile_ids), channel, purpose, pseudonyms.outer, pseudonyms.inner
    ):
        found.setdefault(row["asked"], []).append(row)
    return found


async def ask(connection: Connection, entry: Entry, expires_at: datetime) -> OptIn:
    """Keep a grant until the customer confirms it."""
    row = await connection.fetchrow(
        _ASK,
        entry.identity_id,
        entry.channel,
        entry.purpose,
        entry.lawful_basis,
        entry.source,
        entry.proof,
        entry.at,
        expires_at,
    )
    assert row is not None  # noqa: S101  the statement always returns its row
    return OptIn(*row)


async def asked(connection: Connection, opt_in_id: UUID) -> OptIn | None:
    """A grant that waits, or waited, for its confirmation."""
    row = await connection.fetchrow(_ASKED, opt_in_id)
    return None if row is None else OptIn(*row)


async def waiting(connection: Connection, identities: Collection[UUID]) -> list[OptIn]:
    """Grants that wait for their confirmation, newest first."""
    return [OptIn(*row) for row in await connection.fetch(_WAITING, list(identities))]


async def confirmed(connection: Connection, opt_in_id: UUID, at: datetime) -> bool:
    """Note that a grant is confirmed; False when it was before."""
    return bool(await connection.fetchval(_CONFIRMED, opt_in_id, at))
