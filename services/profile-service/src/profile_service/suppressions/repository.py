"""The SQL of do-not-contact entries."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import asyncpg
from rapport.database import Connection
from rapport.identity import Identifier, identity_id

from profile_service.suppressions.schemas import RegistrySpec, SuppressionBody

_OWN = (
    "suppression_id, identity_id, kind, value, channel, reason, source, NULL AS registry, jurisdiction, expires_at, "
    "created_at, false AS hashed"
)
_HASHED = (
    "suppression_id, NULL::uuid AS identity_id, kind, NULL AS value, channel, reason, source, registry, jurisdiction, "
    "expires_at, created_at, true AS hashed"
)
_SUPPRESS = f"""
    INSERT INTO suppression (identity_id, kind, value, channel, reason, source, jurisdiction, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (identity_id, channel) DO UPDATE SET
        reason = coalesce(excluded.reason, suppression.reason), source = excluded.source,
        jurisdiction = coalesce(excluded.jurisdiction, suppression.jurisdiction), expires_at = excluded.expires_at
    RETURNING {_OWN}, xmax = 0 AS is_new
"""
# Registries may hold millions: they are listed by themselves, and their entries only when asked for one identifier.
_PAGE = f"""
    SELECT {_OWN} FROM suppression
    WHERE ($1::uuid IS NULL OR identity_id = $1) AND ($2::uuid IS NULL OR suppression_id < $2)
    UNION ALL
    SELECT {_HASHED} FROM hashed_suppression
    WHERE CASE WHEN $4::bytea IS NULL THEN registry IS NULL ELSE digest = $4 END
      AND ($2::uuid IS NULL OR suppression_id < $2)
    ORDER BY suppression_id DESC LIMIT $3
"""
_LIFT = f"DELETE FROM suppression WHERE suppression_id = $1 RETURNING {_OWN}"
_LIFT_HASHED = f"DELETE FROM hashed_suppression WHERE suppression_id = $1 AND registry IS NULL RETURNING {_HASHED}"
_REGISTRY = """
    INSERT INTO suppression_registry (registry, jurisdiction, channels, entries, expires_at, imported_by)
    VALUES ($1, $2, $3, 0, $4, $5)
    ON CONFLICT (registry) DO UPDATE SET jurisdiction = excluded.jurisdiction, channels = excluded.channels,
        expires_at = excluded.expires_at, imported_by = excluded.imported_by, imported_at = now()
"""
_ENTRIES = """
    INSERT INTO hashed_suppression (digest, kind, channel, registry, source, jurisdiction, expires_at, batch)
    SELECT digest, $3, channel, $4, $5, $6, expires_at, $7
    FROM unnest($1::bytea[], $2::timestamptz[]) AS entry (digest, expires_at) CROSS JOIN unnest($8::text[]) AS channel
    ON CONFLICT (digest, channel, registry) DO UPDATE SET
        jurisdiction = excluded.jurisdiction, expires_at = excluded.expires_at, batch = excluded.batch
"""
_REPLACED = "DELETE FROM hashed_suppression WHERE registry = $1 AND batch IS DISTINCT FROM $2"
_COUNTED = """
    UPDATE suppression_registry SET entries = (
        SELECT count(DISTINCT digest) FROM hashed_suppression WHERE registry = $1) WHERE registry = $1
"""
_REGISTRIES = "SELECT * FROM suppression_registry ORDER BY registry"
_DROP = "DELETE FROM suppression_registry WHERE registry = $1 RETURNING true"
_DROP_ENTRIES = "DELETE FROM hashed_suppression WHERE registry = $1"


async def suppress(connection: Connection, identifier: Identifier, body: SuppressionBody) -> asyncpg.Record:
    """The do-not-contact entry for an identifier and channel, made or renewed."""
    identity = identity_id(identifier.kind, identifier.value)
    row = await connection.fetchrow(
        _SUPPRESS,
        identity,
        identifier.kind,
        identifier.value,
        body.channel,
        body.reason,
        body.source,
        body.jurisdiction,
        body.expires_at,
    )
    assert row is not None  # noqa: S101  the statement always returns its row
    return row


async def page(
    connection: Connection, identity: UUID | None, digest: bytes | None, before: UUID | None, limit: int
) -> list[asyncpg.Record]:
    """Do-not-contact entries, newest first; of one identity, by its id and digest, if given."""
    return await connection.fetch(_PAGE, identity, before, limit, digest)


async def lift(connection: Connection, suppression_id: UUID) -> asyncpg.Record | None:
    """Remove an entry; what it was. Entries of registries go with the registry."""
    return await connection.fetchrow(_LIFT, suppression_id) or await connection.fetchrow(_LIFT_HASHED, suppression_id)


async def keep_registry(connection: Connection, spec: RegistrySpec, by: str) -> None:
    """Note what is said of a registry."""
    await connection.execute(
        _REGISTRY, spec.registry, spec.jurisdiction, sorted(set(spec.channels)), spec.expires_at, by
    )


async def add_entries(
    connection: Connection, spec: RegistrySpec, batch: UUID, entries: Mapping[bytes, datetime | None]
) -> None:
    """Add or renew entries of a registry, and take those away that are not among them if it replaces the old ones."""
    if entries:
        await connection.execute(
            _ENTRIES,
            list(entries),
            list(entries.values()),
            spec.kind,
            spec.registry,
            f"registry {spec.registry}",
            spec.jurisdiction,
            batch,
            sorted(set(spec.channels)),
        )
    if spec.mode == "replace":
        await connection.execute(_REPLACED, spec.registry, batch)
    await connection.execute(_COUNTED, spec.registry)


async def registries(connection: Connection) -> list[asyncpg.Record]:
    """All registries."""
    return await connection.fetch(_REGISTRIES)


async def drop_registry(connection: Connection, registry: str) -> bool:
    """Remove a registry with its entries; whether there was one."""
    await connection.execute(_DROP_ENTRIES, registry)
    return bool(await connection.fetchval(_DROP, registry))
