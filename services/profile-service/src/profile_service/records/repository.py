"""The SQL of records."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from rapport.database import Connection

from profile_service.ledger.repository import Reader

_STATE = "version, value, observed_at, expires_at, source, deleted, reason, recorded_at, recorded_by"
_COLUMNS = f"record_id, identity_id, key, created_at, {_STATE}"
_ADD = f"""
    WITH added AS (
        INSERT INTO record (identity_id, key, version, value, observed_at, expires_at, source, recorded_by, search)
        VALUES ($1, $2, 1, $3::jsonb, $4, $5, $6, $7, CASE WHEN $8 THEN search_tokens($2, $3::jsonb) END)
        RETURNING {_COLUMNS}
    ), kept AS (
        INSERT INTO record_version (record_id, {_STATE}) SELECT record_id, {_STATE} FROM added
    )
    SELECT {_COLUMNS} FROM added
"""
_CHANGE = f"""
    WITH changed AS (
        UPDATE record SET
            version = version + 1, value = $2::jsonb, observed_at = $3, expires_at = $4, source = $5, deleted = $6,
            reason = $7, recorded_by = $8, recorded_at = now(),
            search = CASE WHEN $9 AND NOT $6 THEN search_tokens(key, $2::jsonb) END
        WHERE record_id = $1
        RETURNING {_COLUMNS}
    ), kept AS (
        INSERT INTO record_version (record_id, {_STATE}) SELECT record_id, {_STATE} FROM changed
    )
    SELECT {_COLUMNS} FROM changed
"""
_PAGE = f"""
    SELECT {_COLUMNS} FROM record
    WHERE identity_id = ANY($1::uuid[]) AND key = $2 AND ($3 OR NOT deleted)
      AND ($4::uuid IS NULL
           OR (observed_at, record_id) < (SELECT last.observed_at, record_id FROM record AS last WHERE record_id = $4))
    ORDER BY observed_at DESC, record_id DESC LIMIT $5
"""
_ONE = f"SELECT {_COLUMNS} FROM record WHERE identity_id = ANY($1::uuid[]) AND key = $2 AND record_id = $3"
_VERSIONS = f"""
    SELECT record_id, {_STATE} FROM record_version WHERE record_id = $1 AND ($2::int IS NULL OR version < $2)
    ORDER BY version DESC LIMIT $3
"""


@dataclass(frozen=True)
class Content:
    """What is told in a record."""

    value: Any
    observed_at: datetime
    expires_at: datetime | None
    source: str


@dataclass(frozen=True)
class State(Content):
    """What a record says, in which version and by whose word."""

    record_id: UUID
    version: int
    deleted: bool
    reason: str | None
    recorded_at: datetime
    recorded_by: str

    @property
    def content(self) -> Content:
        """What is told in it."""
        return Content(self.value, self.observed_at, self.expires_at, self.source)


@dataclass(frozen=True)
class Record(State):
    """A record as it is."""

    key: str
    identity_id: UUID
    created_at: datetime


async def add(
    connection: Connection, identity_id: UUID, key: str, content: Content, by: str, *, searchable: bool
) -> Record:
    """Keep a record under an identity."""
    value = msgspec.json.encode(content.value).decode()
    return _record(
        await connection.fetchrow(
            _ADD, identity_id, key, value, content.observed_at, content.expires_at, content.source, by, searchable
        )
    )


async def change(
    connection: Connection,
    record_id: UUID,
    content: Content,
    reason: str | None,
    by: str,
    *,
    deleted: bool,
    searchable: bool,
) -> Record:
    """The next version of a record."""
    value = msgspec.json.encode(content.value).decode()
    times = content.observed_at, content.expires_at
    return _record(
        await connection.fetchrow(_CHANGE, record_id, value, *times, content.source, deleted, reason, by, searchable)
    )


async def page(
    connection: Reader,
    identities: Collection[UUID],
    key: str,
    before: UUID | None,
    limit: int,
    *,
    deleted: bool,
) -> list[Record]:
    """Records of these identities, that observed last first; those deleted only on request."""
    rows = await connection.fetch(_PAGE, list(identities), key, deleted, before, limit)
    return [_record(row) for row in rows]


async def one(
    connection: Connection, identities: Collection[UUID], key: str, record_id: UUID, *, lock: bool = False
) -> Record | None:
    """A record of one of these identities, held until the transaction ends if it is to be changed."""
    row = await connection.fetchrow(_ONE + (" FOR UPDATE" if lock else ""), list(identities), key, record_id)
    return None if row is None else _record(row)


async def versions(connection: Connection, record_id: UUID, before: int | None, limit: int) -> list[State]:
    """What a record says and said, newest first."""
    return [
        State(**{**dict(row), "value": msgspec.json.decode(row["value"])})
        for row in await connection.fetch(_VERSIONS, record_id, before, limit)
    ]


def _record(row: asyncpg.Record | None) -> Record:
    assert row is not None  # noqa: S101  every statement here returns its row
    return Record(**{**dict(row), "value": msgspec.json.decode(row["value"])})
