"""Statements on the identity map and on contacts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from rapport.database import Connection

from segment_service.consumers.events import Assignment


class Contacts(NamedTuple):
    """How often an identity was in touch within a batch, first and last."""

    contacts: int
    first_at: datetime
    last_at: datetime


_ASSIGN = """
    INSERT INTO identity_map AS kept (identity_id, profile_id, seed_profile_id, version)
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[])
    ON CONFLICT (identity_id) DO UPDATE SET
        profile_id = EXCLUDED.profile_id, version = EXCLUDED.version,
        seed_profile_id = COALESCE(EXCLUDED.seed_profile_id, kept.seed_profile_id)
    WHERE kept.version < EXCLUDED.version
    RETURNING old.profile_id AS before, new.profile_id AS after
"""
_CONTACT = """
    INSERT INTO contact AS kept (identity_id, contacts, first_at, last_at)
    SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[], $4::timestamptz[])
    ON CONFLICT (identity_id) DO UPDATE SET
        contacts = kept.contacts + EXCLUDED.contacts,
        first_at = LEAST(kept.first_at, EXCLUDED.first_at),
        last_at = GREATEST(kept.last_at, EXCLUDED.last_at)
    RETURNING identity_id, old.first_at IS DISTINCT FROM new.first_at AS earlier
"""
_CONSENT = """
    INSERT INTO contact AS kept (identity_id, contacts, consented_at)
    SELECT identity_id, 0, at FROM unnest($1::uuid[], $2::timestamptz[]) AS given (identity_id, at)
    ON CONFLICT (identity_id) DO UPDATE SET consented_at = LEAST(kept.consented_at, EXCLUDED.consented_at)
    RETURNING identity_id, old.consented_at IS DISTINCT FROM new.consented_at AS earlier
"""
_IDENTITY_OF = "SELECT min(identity_id::text)::uuid FROM identity_map WHERE profile_id = $1"


async def assign(connection: Connection, assignments: Sequence[Assignment]) -> set[UUID]:
    """Apply the assignments that are newer than what is known, one for each identity; the profiles on either side."""
    rows = await connection.fetch(
        _ASSIGN,
        [each.identity_id for each in assignments],
        [each.profile_id for each in assignments],
        [each.seed_profile_id for each in assignments],
        [each.version for each in assignments],
    )
    return {profile for row in rows for profile in row if profile is not None}


async def add_contacts(connection: Connection, contacts: Mapping[UUID, Contacts]) -> set[UUID]:
    """Count contacts; the identities whose first contact is another one now."""
    counts, firsts, lasts = (list(column) for column in zip(*contacts.values(), strict=True))
    rows = await connection.fetch(_CONTACT, list(contacts), counts, firsts, lasts)
    return {row["identity_id"] for row in rows if row["earlier"]}


async def add_consents(connection: Connection, consents: Mapping[UUID, datetime]) -> set[UUID]:
    """Keep when identities first consented to something; those for whom that is another time now."""
    rows = await connection.fetch(_CONSENT, list(consents), list(consents.values()))
    return {row["identity_id"] for row in rows if row["earlier"]}


async def identity_of(connection: Connection, profile_id: UUID) -> UUID | None:
    """Some identity of a profile, always the same one."""
    found: UUID | None = await connection.fetchval(_IDENTITY_OF, profile_id)
    return found
