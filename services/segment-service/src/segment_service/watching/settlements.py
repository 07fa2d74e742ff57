"""Every statement that takes in what everybody answered, slice by slice."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple
from uuid import UUID

from rapport.database import Connection

from segment_service.watching.repository import Changed, changed_of
from segment_service.watching.rules import Watched

_COPY_SECONDS: Final = 3_600
_FOUND = "CREATE TEMP TABLE found (profile_id uuid PRIMARY KEY, member bool, due_at timestamp)"
_BOUNDS = """
    SELECT profile_id FROM (
        SELECT profile_id, row_number() OVER (ORDER BY profile_id) AS number FROM (
            SELECT profile_id FROM found UNION SELECT profile_id FROM judgement WHERE rule_id = $1
        ) AS either
    ) AS numbered WHERE number % $2 = 0 ORDER BY profile_id
"""
_STILL = "SELECT first_built_at IS NULL FROM watched_rule WHERE rule_id = $1 AND revision = $2 FOR SHARE"
_INSIDE = "($4::uuid IS NULL OR {of}.profile_id > $4) AND ($5::uuid IS NULL OR {of}.profile_id <= $5)"
# Answers given since the moment that everybody was asked at are newer and stay.
_KEEP = f"""
    INSERT INTO judgement AS kept (rule_id, profile_id, member, since, due_at, version)
    SELECT $1, profile_id, member, $3, due_at AT TIME ZONE 'UTC', $2 FROM found
    WHERE {_INSIDE.format(of="found")} AND EXISTS (SELECT FROM customer WHERE customer.profile_id = found.profile_id)
    ORDER BY profile_id
    ON CONFLICT (rule_id, profile_id) DO UPDATE SET
        member = EXCLUDED.member, due_at = EXCLUDED.due_at, version = EXCLUDED.version,
        since = CASE WHEN kept.member = EXCLUDED.member THEN kept.since ELSE EXCLUDED.since END
    WHERE kept.version <= $2 AND (kept.member, kept.due_at) IS DISTINCT FROM (EXCLUDED.member, EXCLUDED.due_at)
    RETURNING rule_id, profile_id, new.member, COALESCE(old.member, false) AS before
"""
_DROP = f"""
    DELETE FROM judgement
    WHERE rule_id = $1 AND version <= $2 AND {_INSIDE.replace("$4", "$3").replace("$5", "$4").format(of="judgement")}
      AND NOT EXISTS (SELECT FROM found WHERE found.profile_id = judgement.profile_id)
    RETURNING rule_id, profile_id, false, member
"""
_TIDY = "DELETE FROM judgement WHERE rule_id = $1 AND NOT member AND due_at IS NULL"
_BUILT = """
    UPDATE watched_rule SET
        state = 'ready', error = NULL, failing_since = NULL, retry_at = NULL, built_at = $3,
        first_built_at = COALESCE(first_built_at, $3)
    WHERE rule_id = $1 AND revision = $2
    RETURNING old.first_built_at IS NULL
"""


class Slice(NamedTuple):
    """Profiles after one id, up to and with another."""

    after: UUID | None
    until: UUID | None


async def load(connection: Connection, rule: Watched, rows: Path, size: int) -> list[Slice]:
    """Bring a CSV file of profile, whether the rule holds, until when, beside the answers; slices of about `size`."""
    await connection.execute(_FOUND)
    await connection.copy_to_table("found", source=rows, format="csv", timeout=_COPY_SECONDS)
    await connection.execute("ANALYZE found")
    bounds = [row[0] for row in await connection.fetch(_BOUNDS, rule.rule_id, size, timeout=_COPY_SECONDS)]
    return [Slice(*pair) for pair in zip([None, *bounds], [*bounds, None], strict=True)]


async def unload(connection: Connection) -> None:
    """Let go of what was loaded."""
    await connection.execute("DROP TABLE IF EXISTS found")


async def still(connection: Connection, rule: Watched) -> bool | None:
    """Whether it is the first time that everybody was asked; None when the rule is another one by now."""
    first: bool | None = await connection.fetchval(_STILL, rule.rule_id, rule.revision)
    return first


async def settle(connection: Connection, rule: Watched, some: Slice, version: int, now: datetime) -> list[Changed]:
    """Write what a slice of everybody answered at `version`; what is other than before."""
    kept = await connection.fetch(_KEEP, rule.rule_id, version, now, *some, timeout=_COPY_SECONDS)
    dropped = await connection.fetch(_DROP, rule.rule_id, version, *some, timeout=_COPY_SECONDS)
    return changed_of([*kept, *dropped])


async def finish(connection: Connection, rule: Watched, now: datetime) -> bool | None:
    """Say that everybody has been asked; as `still`."""
    first: bool | None = await connection.fetchval(_BUILT, rule.rule_id, rule.revision, now)
    if first is not None:
        # Those who are out were kept while older answers could still come.
        await connection.execute(_TIDY, rule.rule_id)
    return first
