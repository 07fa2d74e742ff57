"""Every statement on the copies of what profile-service knows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from rapport.database import Connection

from segment_service.columns import changes as columns
from segment_service.events.rules import Leaf
from segment_service.people.rules import Trait, Word

_GUARD: Final = 7_201_966

# A mark that something newer set stays the newer one; whatever is due earlier is read earlier.
_UNREAD: Final = """
    INSERT INTO unread_profile AS kept (profile_id, due_at, version)
    SELECT profile_id, now(), $2 FROM unnest($1::uuid[]) AS given (profile_id) ORDER BY profile_id
    ON CONFLICT (profile_id) DO UPDATE SET
        due_at = LEAST(kept.due_at, EXCLUDED.due_at), version = GREATEST(kept.version, EXCLUDED.version)
"""
_UNREAD_HOLDERS: Final = """
    INSERT INTO unread_profile AS kept (profile_id, due_at, version)
    SELECT DISTINCT profile_id, now(), $2::bigint FROM trait
    WHERE key = $1 OR starts_with(key, $1 || '.') ORDER BY profile_id
    ON CONFLICT (profile_id) DO UPDATE SET
        due_at = LEAST(kept.due_at, EXCLUDED.due_at), version = GREATEST(kept.version, EXCLUDED.version)
"""
_DUE: Final = "SELECT profile_id, version FROM unread_profile WHERE due_at <= now() ORDER BY due_at LIMIT $1"
_READ: Final = """
    WITH asked AS (
        SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[]) AS asked (profile_id, version, until)
    ), later AS (
        UPDATE unread_profile SET due_at = asked.until FROM asked
        WHERE unread_profile.profile_id = asked.profile_id AND unread_profile.version = asked.version
          AND asked.until IS NOT NULL
    )
    DELETE FROM unread_profile USING asked
    WHERE unread_profile.profile_id = asked.profile_id AND unread_profile.version = asked.version
      AND asked.until IS NULL
"""
_EPOCH: Final = "SELECT epoch FROM feed_position WHERE consumer = 'profile'"
_TRAITS: Final = """
    SELECT profile_id, key, position, text, number, flag, at FROM trait WHERE profile_id = ANY($1::uuid[])
"""
_WORDS: Final = """
    SELECT profile_id, channel, purpose, granted, until FROM consent WHERE profile_id = ANY($1::uuid[])
"""
_KINDS: Final = "SELECT profile_id, kind, restricted FROM profile_copy WHERE profile_id = ANY($1::uuid[])"
_DROP_TRAITS: Final = """
    DELETE FROM trait USING unnest($1::uuid[], $2::text[]) AS gone (profile_id, key)
    WHERE trait.profile_id = gone.profile_id AND trait.key = gone.key
"""
_ADD_TRAITS: Final = """
    INSERT INTO trait (profile_id, key, position, text, number, flag, at)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::smallint[], $4::text[], $5::numeric[], $6::boolean[],
                         $7::timestamptz[])
"""
_ADD_WORDS: Final = """
    INSERT INTO consent (profile_id, channel, purpose, granted, until)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::boolean[], $5::timestamptz[])
"""
_KEEP: Final = """
    INSERT INTO profile_copy (profile_id, kind, restricted, created_at, read_at)
    SELECT *, now() FROM unnest($1::uuid[], $2::text[], $3::boolean[], $4::timestamptz[])
    ON CONFLICT (profile_id) DO UPDATE SET
        kind = EXCLUDED.kind, restricted = EXCLUDED.restricted, created_at = EXCLUDED.created_at,
        read_at = EXCLUDED.read_at
"""
_FORGET: Final = tuple(
    f"DELETE FROM {table} WHERE profile_id = ANY($1::uuid[])" for table in ("trait", "consent", "profile_copy")
)


class Kept(NamedTuple):
    """What is kept of a profile."""

    kind: str | None
    restricted: bool
    traits: list[Trait]
    words: list[Word]


class Copy(NamedTuple):
    """What is to be kept of a profile."""

    profile_id: UUID
    kind: str
    restricted: bool
    created_at: datetime
    traits: list[Trait]
    words: list[Word]


async def guard(connection: Connection) -> bool:
    """Become the one worker that reads profiles, for as long as this connection lives; False if another is."""
    return bool(await connection.fetchval("SELECT pg_try_advisory_lock($1)", _GUARD))


async def unguard(connection: Connection) -> None:
    """Let another worker read."""
    await connection.execute("SELECT pg_advisory_unlock($1)", _GUARD)


async def mark_unread(connection: Connection, profiles: Collection[UUID], version: int) -> None:
    """Profiles whose traits, consents or kind may be others now."""
    await connection.execute(_UNREAD, list(profiles), version)


async def mark_holders_unread(connection: Connection, key: str, version: int) -> None:
    """Everybody who has a trait of this key, or within it."""
    await connection.execute(_UNREAD_HOLDERS, key, version, timeout=600)


async def due(connection: Connection, limit: int) -> dict[UUID, int]:
    """Profiles to be read, longest due first, with the change that marked them last."""
    return {row[0]: row[1] for row in await connection.fetch(_DUE, limit)}


async def have_read(connection: Connection, asked: Mapping[UUID, int], until: Mapping[UUID, datetime]) -> None:
    """Take off the marks that were there when these were asked for; who changes by time alone is read then."""
    await connection.execute(_READ, list(asked), list(asked.values()), [until.get(each) for each in asked])


async def epoch(connection: Connection) -> int:
    """Moves with every erasure."""
    return int(await connection.fetchval(_EPOCH) or 0)


async def kept(connection: Connection, profiles: Collection[UUID]) -> dict[UUID, Kept]:
    """What is kept of profiles, traits and consents in no order."""
    found = {profile: Kept(None, False, [], []) for profile in profiles}
    for profile, kind, restricted in await connection.fetch(_KINDS, list(profiles)):
        found[profile] = Kept(kind, restricted, [], [])
    for profile, key, position, *readings in await connection.fetch(_TRAITS, list(profiles)):
        found[profile].traits.append(Trait(key, position, Leaf(*readings)))
    for profile, *word in await connection.fetch(_WORDS, list(profiles)):
        found[profile].words.append(Word(*word))
    return found


async def replace_traits(connection: Connection, gone: Sequence[tuple[UUID, str]], new: Sequence[Copy]) -> None:
    """Drop traits by profile and key, and keep those of `new`."""
    if gone:
        await connection.execute(_DROP_TRAITS, *(list(column) for column in zip(*gone, strict=True)))
    rows = [(copy.profile_id, each.key, each.position, *each.leaf) for copy in new for each in copy.traits]
    if rows:
        await connection.execute(_ADD_TRAITS, *(list(column) for column in zip(*rows, strict=True)))


async def replace_words(connection: Connection, copies: Sequence[Copy]) -> None:
    """Keep the consents of these profiles in place of what was there."""
    await connection.execute(
        "DELETE FROM consent WHERE profile_id = ANY($1::uuid[])", [each.profile_id for each in copies]
    )
    rows = [(copy.profile_id, *word) for copy in copies for word in copy.words]
    if rows:
        await connection.execute(_ADD_WORDS, *(list(column) for column in zip(*rows, strict=True)))


async def keep(connection: Connection, copies: Sequence[Copy]) -> None:
    """Say what these profiles are, and that they were read."""
    heads = zip(*(each[:4] for each in copies), strict=True)
    await connection.execute(_KEEP, *map(list, heads))


async def forget(connection: Connection, profiles: Collection[UUID], version: int) -> None:
    """Drop the copies of profiles that are none any more."""
    if profiles:
        for statement in _FORGET:
            await connection.execute(statement, list(profiles))
        for relation in ("trait", "consent"):
            await columns.log(connection, relation, profiles, version)
