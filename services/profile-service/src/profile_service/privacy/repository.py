"""The SQL of privacy requests."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import asyncpg
import msgspec
from rapport.database import Connection
from rapport.identity import Identifier, identity_id
from rapport.privacy import Person

from profile_service.ledger.repository import Reader

EXPORT_DAYS: Final = 30
_REQUEST = (
    "request_id, type, state, kinds, asked, own, shared, profiles, named, round, job_id, created_at, completed_at, "
    "lifted_at"
)
_INSERT = f"""
    INSERT INTO privacy_request (type, requested_by, kinds, asked, own, shared, profiles, named)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING {_REQUEST}
"""
_RECEIPTS = "INSERT INTO privacy_receipt (request_id, service) SELECT $1, unnest($2::text[])"
_READ = f"SELECT {_REQUEST} FROM privacy_request WHERE request_id = $1"
_PAGE = f"""
    SELECT {_REQUEST} FROM privacy_request WHERE $1::uuid IS NULL OR request_id < $1 ORDER BY request_id DESC LIMIT $2
"""
_RECEIPTS_OF = "SELECT * FROM privacy_receipt WHERE request_id = ANY($1::uuid[]) ORDER BY service"
_PERSON = "UPDATE privacy_request SET own = $2, shared = $3, profiles = $4, named = $5 WHERE request_id = $1"
_RUN = "UPDATE privacy_request SET state = 'running', round = $2 WHERE request_id = $1"
_WAIT = """
    UPDATE privacy_receipt SET state = 'waiting', detail = $3
    WHERE request_id = $1 AND service = $2 AND state <> 'done'
"""
_ROUND = """
    UPDATE privacy_receipt SET counts = counts || jsonb_build_object($3::text, $4::jsonb), at = now(), detail = NULL,
        state = CASE WHEN $5 THEN 'done' ELSE 'pending' END
    WHERE request_id = $1 AND service = $2
"""
_COMPLETE = "UPDATE privacy_request SET state = 'succeeded', completed_at = now() WHERE request_id = $1"
_ALL_DONE = "UPDATE privacy_receipt SET state = 'done' WHERE request_id = $1"
# Profile ids are random: without anything else they lead nowhere.
_FORGET = "UPDATE privacy_request SET asked = '{}', own = '{}', shared = '{}', named = '{}' WHERE request_id = $1"
_KEEP_EXPORT = """
    INSERT INTO privacy_export (request_id, service, sections) VALUES ($1, $2, $3)
    ON CONFLICT (request_id, service) DO UPDATE SET sections = excluded.sections, created_at = now()
"""
_EXPORTS = "SELECT service, sections FROM privacy_export WHERE request_id = $1 ORDER BY service"
_PURGE = f"DELETE FROM privacy_export WHERE created_at < now() - interval '{EXPORT_DAYS} days'"
_RESTRICT = """
    INSERT INTO restriction (identity_id, request_id) SELECT unnest($1::uuid[]), $2 ON CONFLICT DO NOTHING
"""
_LIFT = """
    WITH lifted AS (UPDATE restriction SET lifted_at = now() WHERE request_id = $1 AND lifted_at IS NULL)
    UPDATE privacy_request SET lifted_at = now() WHERE request_id = $1 AND type = 'restriction' AND lifted_at IS NULL
    RETURNING true
"""
_MEMBERS = """
    SELECT identity_id, value, seed_profile_id, profile_id FROM identity
    WHERE profile_id IN (SELECT profile_id FROM identity WHERE identity_id = ANY($1::uuid[]))
"""
_PROFILES = """
    SELECT DISTINCT unnest(ARRAY[seed_profile_id, profile_id]) AS id FROM identity
    WHERE identity_id = ANY($1::uuid[]) ORDER BY id
"""
# Held because an operator keeps two apart is not sharing: then it is this customer's.
_SHARED = """
    SELECT DISTINCT member.id FROM unnest($1::uuid[]) AS member (id)
    JOIN LATERAL (
        SELECT b AS other FROM link WHERE a = member.id AND retracted_at IS NULL AND NOT 'cannot_link' = ANY(guards)
        UNION ALL
        SELECT a FROM link WHERE b = member.id AND retracted_at IS NULL AND NOT 'cannot_link' = ANY(guards)
    ) AS near ON NOT near.other = ANY($1::uuid[])
"""
_FORGET_LINKS = "DELETE FROM link WHERE a = ANY($1::uuid[]) OR b = ANY($1::uuid[]) RETURNING a, b"
_SUPPRESS = """
    INSERT INTO hashed_suppression (digest, kind, reason, source)
    SELECT digest, kind, 'erased', $3 FROM unnest($1::bytea[], $2::text[]) AS gone (digest, kind)
    ON CONFLICT (digest, channel, registry) DO NOTHING
"""
_KEEP_SUPPRESSIONS = """
    INSERT INTO hashed_suppression (digest, kind, channel, reason, source, jurisdiction, expires_at)
    SELECT gone.digest, kind, channel, 'kept at erasure', source, jurisdiction, expires_at
    FROM unnest($1::uuid[], $2::bytea[]) AS gone (id, digest) JOIN suppression ON identity_id = gone.id
    ON CONFLICT (digest, channel, registry) DO NOTHING
"""
_KINDS = "SELECT identity_id, kind FROM identity WHERE identity_id = ANY($1::uuid[]) AND kind <> 'profile'"
_RESEED = """
    WITH kept AS (SELECT identity_id, uuidv7() AS seed FROM identity
                  WHERE identity_id = ANY($1::uuid[]) AND profile_id = ANY($2::uuid[]))
    UPDATE identity SET seed_profile_id = seed, profile_id = seed, version = nextval('assignment_version'),
        assigned_at = now(), created_at = now(),
        first_seen = coalesce((
            SELECT min(evidence_at) FROM link
            WHERE identity.identity_id IN (a, b) AND retracted_at IS NULL AND NOT (a = ANY($3::uuid[]) OR b = ANY($3))
        ), first_seen)
    FROM kept WHERE identity.identity_id = kept.identity_id
    RETURNING identity.identity_id, kind, profile_id, seed_profile_id, version
"""


class Request(NamedTuple):
    """A privacy request as stored."""

    request_id: UUID
    type: str
    state: str
    kinds: list[str]
    asked: list[UUID]
    own: list[UUID]
    shared: list[UUID]
    profiles: list[UUID]
    named: list[str]
    round: int
    job_id: UUID | None
    created_at: datetime
    completed_at: datetime | None
    lifted_at: datetime | None

    @property
    def person(self) -> Person:
        """Whom it is about."""
        return Person(self.own, self.shared, self.profiles, self.named)

    @property
    def by(self) -> dict[UUID, str]:
        """The identities named in it, with their values as far as these are still known."""
        # A request of the version before says no more than what is the person's own.
        values = {identity_id(kind, value): value for kind in self.kinds for value in self.named}
        return {each: values.get(each, "") for each in self.asked or self.own}


async def insert(connection: Connection, type_: str, by: str, named: Sequence[Identifier], person: Person) -> Request:
    """Keep a request."""
    kinds = sorted({each.kind for each in named})
    asked = sorted({identity_id(each.kind, each.value) for each in named})
    row = await connection.fetchrow(
        _INSERT, type_, by, kinds, asked, person.own, person.shared, person.profiles, person.values
    )
    assert row is not None  # noqa: S101  the statement always returns its row
    return Request(*row)


async def await_receipts(connection: Connection, request_id: UUID, services: Sequence[str]) -> None:
    """Note of whom a receipt is needed."""
    await connection.execute(_RECEIPTS, request_id, services)


async def set_job(connection: Connection, request_id: UUID, job_id: UUID) -> None:
    """Note the job that carries a request out."""
    await connection.execute("UPDATE privacy_request SET job_id = $2 WHERE request_id = $1", request_id, job_id)


async def read(connection: Reader, request_id: UUID) -> Request | None:
    """A request by its id."""
    row = await connection.fetchrow(_READ, request_id)
    return None if row is None else Request(*row)


async def page(connection: Connection, before: UUID | None, limit: int) -> list[Request]:
    """Requests, newest first."""
    return [Request(*row) for row in await connection.fetch(_PAGE, before, limit)]


async def receipts(connection: Reader, request_ids: Collection[UUID]) -> dict[UUID, list[asyncpg.Record]]:
    """Receipts by request."""
    found: dict[UUID, list[asyncpg.Record]] = {}
    for row in await connection.fetch(_RECEIPTS_OF, list(request_ids)):
        found.setdefault(row["request_id"], []).append(row)
    return found


async def set_person(connection: Reader, request_id: UUID, person: Person) -> None:
    """Note whom a request is about."""
    await connection.execute(_PERSON, request_id, person.own, person.shared, person.profiles, person.values)


async def begin_round(connection: Reader, request_id: UUID, round_: int) -> None:
    """Note that a request is under way, and in which round."""
    await connection.execute(_RUN, request_id, round_)


async def wait_for(connection: Reader, request_id: UUID, service: str, detail: str) -> None:
    """Note that a service does not answer, and why."""
    await connection.execute(_WAIT, request_id, service, detail)


async def keep_counts(
    connection: Reader, request_id: UUID, service: str, round_: int, counts: Mapping[str, int], *, done: bool
) -> None:
    """Note what a service did in a round; noting it again changes nothing."""
    await connection.execute(_ROUND, request_id, service, str(round_), msgspec.json.encode(counts).decode(), done)


async def complete(connection: Connection, request_id: UUID) -> None:
    """Note that a request is carried out."""
    await connection.execute(_ALL_DONE, request_id)
    await connection.execute(_COMPLETE, request_id)


async def forget_person(connection: Connection, request_id: UUID) -> None:
    """Forget whom a request was about."""
    await connection.execute(_FORGET, request_id)


async def keep_export(connection: Reader, request_id: UUID, service: str, sections: str) -> None:
    """Keep what a service gave out; that of an earlier month goes."""
    await connection.execute(_PURGE)
    await connection.execute(_KEEP_EXPORT, request_id, service, sections)


async def exports(connection: Connection, request_id: UUID) -> dict[str, Any]:
    """What the services gave out, by service."""
    rows = await connection.fetch(_EXPORTS, request_id)
    return {row["service"]: msgspec.json.decode(row["sections"]) for row in rows}


async def restrict(connection: Connection, identities: Collection[UUID], request_id: UUID) -> None:
    """Note that the data of these identities must not be used."""
    await connection.execute(_RESTRICT, list(identities), request_id)


async def lift(connection: Connection, request_id: UUID) -> bool:
    """End a restriction; False when there is none that stands."""
    return bool(await connection.fetchval(_LIFT, request_id))


async def members(connection: Connection, identities: Collection[UUID]) -> list[asyncpg.Record]:
    """All identities of the profiles that these belong to."""
    return await connection.fetch(_MEMBERS, list(identities))


async def profiles_of(connection: Connection, identities: Collection[UUID]) -> list[UUID]:
    """The profiles that these identities belong to, and the profile ids that they brought."""
    return [row["id"] for row in await connection.fetch(_PROFILES, list(identities))]


async def shared_with_others(connection: Connection, identities: Collection[UUID]) -> set[UUID]:
    """Those of a set of identities that evidence ties to somebody outside of it."""
    return {row["id"] for row in await connection.fetch(_SHARED, list(identities))}


async def forget_links(connection: Connection, identities: Collection[UUID]) -> tuple[int, set[UUID]]:
    """Take all evidence about these identities out of the ledger; how much it was, and the others it was about."""
    rows = await connection.fetch(_FORGET_LINKS, list(identities))
    return len(rows), {each for row in rows for each in row} - {*identities}


async def kinds_of(connection: Connection, identities: Collection[UUID]) -> dict[UUID, str]:
    """Kind of each of these identities that exists."""
    return {row["identity_id"]: row["kind"] for row in await connection.fetch(_KINDS, list(identities))}


async def suppress(connection: Connection, gone: Mapping[UUID, tuple[bytes, str]], request_id: UUID) -> None:
    """Keep identities, by id with digest and kind, from being contacted ever again, known by their digests alone."""
    digests, kinds = [digest for digest, _ in gone.values()], [kind for _, kind in gone.values()]
    await connection.execute(_SUPPRESS, digests, kinds, f"privacy request {request_id}")
    await connection.execute(_KEEP_SUPPRESSIONS, list(gone), digests)


async def reseed(connection: Connection, person: Person) -> list[asyncpg.Record]:
    """Give shared identities profile ids of their own, known since somebody else brought them; their assignments."""
    return await connection.fetch(_RESEED, person.shared, person.profiles, person.own)
