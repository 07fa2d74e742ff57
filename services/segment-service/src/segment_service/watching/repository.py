"""Every statement on watched rules and their answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

import asyncpg
import msgspec
from rapport.database import Connection

from segment_service.watching.rules import Watched

# Which worker is the one of its kind, by advisory locks.
ASKING: Final = 7_201_971
BUILDING: Final = 7_201_972
_COPY_SECONDS: Final = 3_600
_ERROR_LENGTH: Final = 500

_WATCH = """
    INSERT INTO watched_rule AS kept (owner, key, rule, reads) VALUES ($1, $2, $3, $4)
    ON CONFLICT (owner, key) DO UPDATE SET
        rule = EXCLUDED.rule, reads = EXCLUDED.reads, revision = kept.revision + 1, state = 'building', retry_at = NULL
    WHERE (kept.rule, kept.reads) IS DISTINCT FROM (EXCLUDED.rule, EXCLUDED.reads)
    RETURNING rule_id
"""
_RULES = """
    SELECT rule_id, owner, key, rule, reads, revision, state = 'building' FROM watched_rule
    WHERE state <> 'failing' ORDER BY rule_id
"""
_DUE = """
    SELECT rule_id, profile_id FROM judgement JOIN watched_rule USING (rule_id)
    WHERE due_at <= $1 AND state = 'ready' ORDER BY due_at LIMIT $2
"""
_WAITS_TO_BE_BUILT = """
    SELECT rule_id, owner, key, rule, reads, revision, true FROM watched_rule
    WHERE state = 'building' OR state = 'failing' AND retry_at <= now() ORDER BY built_at NULLS FIRST, rule_id
"""
# While everybody is being asked, a row is kept for those who are out as well: the newer answer must win over that of
# the older moment which everybody is asked at.
_KEEP = """
    INSERT INTO judgement AS kept (rule_id, profile_id, member, since, due_at, version)
    SELECT rule_id, profile_id, member, $6, due_at, $5
    FROM unnest($1::int[], $2::uuid[], $3::bool[], $4::timestamptz[]) AS given (rule_id, profile_id, member, due_at)
    JOIN watched_rule USING (rule_id)
    WHERE member OR due_at IS NOT NULL OR state = 'building'
    ORDER BY rule_id, profile_id
    ON CONFLICT (rule_id, profile_id) DO UPDATE SET
        member = EXCLUDED.member, due_at = EXCLUDED.due_at, version = EXCLUDED.version,
        since = CASE WHEN kept.member = EXCLUDED.member THEN kept.since ELSE EXCLUDED.since END
    WHERE (kept.member, kept.due_at) IS DISTINCT FROM (EXCLUDED.member, EXCLUDED.due_at)
       OR EXISTS (SELECT FROM watched_rule AS of WHERE of.rule_id = kept.rule_id AND state = 'building')
    RETURNING rule_id, profile_id, new.member, COALESCE(old.member, false) AS before
"""
_DROP = """
    DELETE FROM judgement USING unnest($1::int[], $2::uuid[]) AS given (rule_id, profile_id), watched_rule
    WHERE judgement.rule_id = given.rule_id AND judgement.profile_id = given.profile_id
      AND watched_rule.rule_id = given.rule_id AND state <> 'building'
    RETURNING judgement.rule_id, judgement.profile_id, false, judgement.member
"""
_FAILING = """
    UPDATE watched_rule SET
        state = 'failing', error = $3, failing_since = COALESCE(failing_since, now()),
        retry_at = now() + LEAST(make_interval(secs => 600),
            GREATEST(make_interval(secs => $4), COALESCE(now() - failing_since, make_interval(secs => $4))))
    WHERE rule_id = $1 AND revision = $2
"""


class Changed(NamedTuple):
    """A profile for which a rule holds now and did not, or the other way round."""

    rule_id: int
    profile_id: UUID
    member: bool


class Answer(NamedTuple):
    """Whether a rule holds for a profile, and until when without a cause."""

    rule_id: int
    profile_id: UUID
    member: bool
    due_at: datetime | None


async def guard(connection: Connection, number: int) -> bool:
    """Become the one worker of a kind, for as long as this connection lives; False if another is."""
    return bool(await connection.fetchval("SELECT pg_try_advisory_lock($1)", number))


async def unguard(connection: Connection, number: int) -> None:
    """Let another be it."""
    await connection.execute("SELECT pg_advisory_unlock($1)", number)


async def watch(
    connection: Connection, owner: str, key: str, rule: Mapping[str, Any] | None, reads: Collection[str]
) -> bool:
    """Ask a rule from now on; whether it is new or another one."""
    text = msgspec.json.encode(rule).decode() if rule is not None else None
    return await connection.fetchval(_WATCH, owner, key, text, sorted(reads)) is not None


async def rebuild(connection: Connection, owner: str, keys: Collection[str]) -> None:
    """Have everybody asked anew."""
    await connection.execute(
        "UPDATE watched_rule SET state = 'building', revision = revision + 1 "
        "WHERE owner = $1 AND key = ANY($2::text[])",
        owner,
        list(keys),
    )


async def keys(connection: Connection, owner: str, document: str) -> list[str]:
    """Keys of the rules that belong to one document of an owner: `document:...`."""
    rows = await connection.fetch(
        "SELECT key FROM watched_rule WHERE owner = $1 AND split_part(key, ':', 1) = $2 ORDER BY key", owner, document
    )
    return [row[0] for row in rows]


async def forget(connection: Connection, owner: str, key: str) -> int | None:
    """Ask a rule no more, and drop its answers; its id, None if there was none."""
    found: int | None = await connection.fetchval(
        "DELETE FROM watched_rule WHERE owner = $1 AND key = $2 RETURNING rule_id", owner, key
    )
    return found


async def rules(connection: Connection) -> list[Watched]:
    """All rules that can be asked."""
    return [_watched(row) for row in await connection.fetch(_RULES)]


async def to_build(connection: Connection) -> list[Watched]:
    """Rules that everybody has to be asked about."""
    return [_watched(row) for row in await connection.fetch(_WAITS_TO_BE_BUILT)]


async def same(connection: Connection, rule: Watched) -> bool:
    """Whether everybody has to be asked about a rule as it is here."""
    found: bool | None = await connection.fetchval(
        "SELECT revision = $2 AND state = 'building' FROM watched_rule WHERE rule_id = $1", rule.rule_id, rule.revision
    )
    return bool(found)


async def start_building(connection: Connection, rule_ids: Sequence[int]) -> None:
    """Say that everybody is about to be asked."""
    await connection.execute("UPDATE watched_rule SET state = 'building' WHERE rule_id = ANY($1::int[])", rule_ids)


async def build_again(connection: Connection, rule_ids: Sequence[int]) -> None:
    """Have everybody asked anew about some rules, of what is known from now on."""
    await connection.execute(
        "UPDATE watched_rule SET state = 'building', revision = revision + 1 WHERE rule_id = ANY($1::int[])", rule_ids
    )


async def due(connection: Connection, now: datetime, limit: int) -> dict[int, set[UUID]]:
    """Profiles whose answers time alone may have changed, by rule; the longest due."""
    found: dict[int, set[UUID]] = defaultdict(set)
    for rule_id, profile_id in await connection.fetch(_DUE, now, limit):
        found[rule_id].add(profile_id)
    return found


async def keep(connection: Connection, answers: Sequence[Answer], version: int, now: datetime) -> list[Changed]:
    """Write answers; those that are other than before."""
    if not answers:
        return []
    rule_ids, profiles, members, due_ats = (list(column) for column in zip(*answers, strict=True))
    kept = await connection.fetch(_KEEP, rule_ids, profiles, members, due_ats, version, now)
    out = [(each.rule_id, each.profile_id) for each in answers if not each.member and each.due_at is None]
    dropped = await connection.fetch(_DROP, [each[0] for each in out], [each[1] for each in out]) if out else []
    return changed_of([*kept, *dropped])


async def failing(connection: Connection, rule: Watched, error: str, retry_seconds: float) -> None:
    """Say that a rule cannot be asked; its last answers stay. Tried again later and later, ten minutes at most."""
    await connection.execute(_FAILING, rule.rule_id, rule.revision, error[:_ERROR_LENGTH], retry_seconds)


async def ask(
    connection: Connection, profiles: Collection[UUID], statements: Mapping[int, str]
) -> dict[int, list[asyncpg.Record]]:
    """What the statements of some rules answer for some profiles, by rule id."""
    await connection.execute("SELECT set_config('segment.profiles', $1, true)", _array(profiles))
    return {rule_id: await connection.fetch(statement) for rule_id, statement in statements.items()}


async def ask_list(connection: Connection, profiles: Collection[UUID], key: str) -> list[asyncpg.Record]:
    """Who of some profiles is on a list."""
    return await connection.fetch(
        "SELECT profile_id, bool_or(listed.key IS NOT NULL) AS matches, NULL::timestamp AS due_at FROM identity_map "
        "LEFT JOIN listed ON listed.identity_id = identity_map.identity_id AND listed.key = $2 "
        "WHERE profile_id = ANY($1::uuid[]) GROUP BY profile_id",
        list(profiles),
        key,
    )


async def export_list(connection: Connection, key: str, target: Path) -> None:
    """Everybody on a list, as `settle` takes it."""
    await connection.copy_from_query(
        "SELECT DISTINCT profile_id, true, NULL::timestamp FROM listed JOIN identity_map USING (identity_id) "
        "WHERE key = $1",
        key,
        output=target,
        format="csv",
        timeout=_COPY_SECONDS,
    )


async def known(connection: Connection, profiles: Collection[UUID]) -> set[UUID]:
    """Those of some profiles that there still are."""
    rows = await connection.fetch("SELECT profile_id FROM customer WHERE profile_id = ANY($1::uuid[])", list(profiles))
    return {row[0] for row in rows}


def _array(profiles: Collection[UUID]) -> str:
    return "{" + ",".join(map(str, sorted(profiles))) + "}"


def _watched(row: asyncpg.Record) -> Watched:
    rule_id, owner, key, rule, reads, revision, building = row
    return Watched(
        rule_id, owner, key, msgspec.json.decode(rule) if rule else None, frozenset(reads), revision, building
    )


def changed_of(rows: Sequence[asyncpg.Record]) -> list[Changed]:
    """Rows of rule, profile, whether it holds, whether it did: those that are other than before."""
    return [Changed(rule_id, profile, member) for rule_id, profile, member, before in rows if member != before]
